"""Settings → the application that is served: the MCP server, its sign-in, and the layers around it.

probes ─► access log ─► limits ─► guard of hosts and origins, sign-in (the SDK's) ─► MCP server
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import anyio
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.types import ASGIApp

from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.files.folder import TOKENS_FILE, data_folder
from mcp_shortvol.server import build_server
from mcp_shortvol.serving.access_log import AccessLog
from mcp_shortvol.serving.health import Health
from mcp_shortvol.serving.jwts import JwtVerifier
from mcp_shortvol.serving.limits import Limits, Most
from mcp_shortvol.serving.tokens import TokenFile
from mcp_shortvol.settings import Settings
from mcp_shortvol.upstreams import Upstreams

__all__ = ["SignIn", "application", "token_file"]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LOOPBACK_HOSTS = ["127.0.0.1:*", "localhost:*", "[::1]:*"]
_NO_ISSUER = "https://no-authorisation-server.invalid"  # the SDK wants one, and publishes none without a resource


def token_file(settings: Settings) -> TokenFile:
    """The file of tokens that the settings name, by default the one in the data folder."""
    return TokenFile(settings.http_tokens or data_folder(settings.data_dir) / TOKENS_FILE)


class SignIn:
    """Verifies a caller's token: one of the file of tokens, or one of the authorisation server."""

    def __init__(
        self, resource: str, tokens: TokenFile | None, jwts: JwtVerifier | None, scopes: Sequence[str]
    ) -> None:
        self._resource = resource
        self._scopes = scopes  # of whoever has a token of the file
        self._tokens = tokens
        self._jwts = jwts

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who signed in; None for a token that is not in order. The token itself goes no further."""
        if self._tokens is not None and (known := await self._tokens.verify(token)) is not None:
            return AccessToken(
                token="",
                client_id=known.name,
                scopes=list(self._scopes),
                expires_at=None if known.ends_at is None else int(known.ends_at),
                resource=self._resource,
            )
        identity = await self._jwts.verify(token) if self._jwts is not None else None
        if identity is None:
            return None
        return AccessToken(
            token="",
            client_id=identity.client_id,
            scopes=list(identity.scopes),
            expires_at=identity.ends_at,
            resource=self._resource,
            subject=identity.subject,
        )


async def application(
    settings: Settings, closing: AsyncExitStack, is_stopping: Callable[[], bool] = lambda: False
) -> ASGIApp:
    """The application, whatever it opens closed by `closing`; raises NotConfigured where nobody could be kept out."""
    public = settings.http_public_url or f"http://{_in_url(settings.http_host)}:{settings.http_port}"
    sign_in, auth = await _sign_in(settings, public, closing)
    if sign_in is None and settings.http_host not in _LOOPBACK:
        raise NotConfigured(
            f"Sign-in is not set up, and {settings.http_host} can be reached from other machines.",
            "Make a token with mcp-shortvol token new NAME, or set SHORTVOL_HTTP_ISSUER; or serve on 127.0.0.1.",
        )
    upstreams = Upstreams(settings)
    server = build_server(settings, upstreams, auth=auth, token_verifier=sign_in)
    inner = server.streamable_http_app(
        streamable_http_path=settings.http_path,
        json_response=True,
        stateless_http=True,
        max_request_body_size=settings.http_max_body,
        transport_security=_guard(settings, public),
    )
    most = Most(
        settings.http_max_body,
        settings.http_concurrent,
        settings.http_queue,
        settings.http_caller_concurrent,
        settings.http_caller_rate,
    )
    return Health(AccessLog(Limits(inner, settings.http_path, most)), settings, upstreams, is_stopping)


async def _sign_in(
    settings: Settings, public: str, closing: AsyncExitStack
) -> tuple[SignIn | None, AuthSettings | None]:
    resource = public + settings.http_path
    tokens = token_file(settings)
    closing.push_async_callback(tokens.aclose)
    with_tokens = settings.http_tokens is not None or (
        await anyio.Path(tokens.file).exists() and bool(await tokens.tokens())
    )
    jwts = None
    if settings.http_issuer is not None:
        jwts = JwtVerifier(
            settings.http_issuer,
            settings.http_audience or resource,
            settings.http_jwks_url or f"{settings.http_issuer.rstrip('/')}/.well-known/jwks.json",
            settings.http_algorithms,
            timeout=settings.timeout,
        )
        closing.push_async_callback(jwts.aclose)
    if not with_tokens and jwts is None:
        return None, None
    scopes = list(settings.http_scopes)
    auth = AuthSettings(
        issuer_url=AnyHttpUrl(settings.http_issuer or _NO_ISSUER),
        resource_server_url=AnyHttpUrl(resource) if jwts else None,
        required_scopes=scopes,
        validate_token_resource=True if jwts else None,
    )
    return SignIn(resource, tokens if with_tokens else None, jwts, scopes), auth


def _guard(settings: Settings, public: str) -> TransportSecuritySettings:
    """The hosts and origins that may be named in a request, whatever address is served."""
    parts = urlsplit(public)
    if settings.http_host not in _LOOPBACK and settings.http_public_url is None and not settings.http_hosts:
        raise NotConfigured(
            f"Serving on {settings.http_host} needs the name that callers use, as a guard against DNS rebinding.",
            "Set SHORTVOL_HTTP_PUBLIC_URL, such as https://shortvol.example.com, or SHORTVOL_HTTP_HOSTS.",
        )
    ports = {"http": 80, "https": 443}
    names = [parts.netloc] if parts.port else [parts.netloc, f"{parts.netloc}:{ports[parts.scheme]}"]
    local = settings.http_host in _LOOPBACK
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*names, *settings.http_hosts, *(_LOOPBACK_HOSTS if local else [])],
        allowed_origins=[
            f"{parts.scheme}://{parts.netloc}",
            *settings.http_origins,
            *([f"http://{host}" for host in _LOOPBACK_HOSTS] if local else []),
        ],
    )


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
