"""Environment → typed settings. Each variable is documented in the README; secrets are SecretStr.

An empty variable counts as unset. `LONGPORT_*`, Longbridge's older names, stand in where the newer one is unset.
"""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mcp_shortvol.domain.credentials import header_text
from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.quotas.quota import Rate

__all__ = ["ASYMMETRIC", "SANDBOX_DATES", "FutuSource", "Settings", "SourceName", "load_settings", "variables_set"]


SourceName = Literal["auto", "longbridge", "futu_opend", "futu_cloud", "finra", "sfc"]
FutuSource = Literal["auto", "futu_opend", "futu_cloud"]


_HOST_NAME = re.compile(r"(?=.{1,253}$)[^\W_]([\w-]{0,62})(\.[\w-]{1,63})*\.?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SERVERS = frozenset({"redis", "rediss", "valkey", "valkeys"})


def _base_url(value: object) -> object:
    """A base to which `/path` is appended: an address and perhaps a path, without a trailing slash."""
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value.strip())
        host, port = parts.hostname, parts.port
        usable = parts.scheme in _DEFAULT_PORTS and host and host.isprintable() and port != 0
    except ValueError:
        usable = False
    if not usable or host is None:
        raise ValueError("must be an address that starts with https:// or http://")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold no user name, password, ? or #")
    # One spelling for one address: days and quotas are kept by it.
    place = f"[{host}]" if ":" in host else host  # in lower case by now, as the scheme is
    place += "" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}"
    return parts._replace(netloc=place).geturl().rstrip("/")


def _folded(*choices: str) -> BeforeValidator:
    """A choice in any case."""
    by_fold = {choice.casefold(): choice for choice in choices}
    return BeforeValidator(
        lambda value: by_fold.get(value.strip().casefold(), value) if isinstance(value, str) else value
    )


def _host(value: object) -> object:
    """A host as a socket takes it: an IPv6 address without its brackets."""
    if not isinstance(value, str):
        return value
    host = value.strip().removeprefix("[").removesuffix("]")
    if ":" not in host and not _HOST_NAME.fullmatch(host):
        raise ValueError("must be a host name or an address, such as 127.0.0.1")
    return host


def _own_file(value: object) -> object:
    """A path; `~` is a shell's, and no shell reads the variables in an assistant's settings."""
    try:
        return Path(value.strip()).expanduser() if isinstance(value, str) else value
    except RuntimeError:
        raise ValueError("must be a path; no home folder is known for its ~") from None


def _data_place(value: object) -> object:
    """A path that means the same wherever an assistant starts this program."""
    path = _own_file(value)
    if isinstance(path, Path) and (not path.is_absolute() or "://" in str(value)):
        raise ValueError("must be a full path, such as ~/shortvol")
    return path


def _store(value: object) -> object:
    """A file, one of the two words for none, or the address of a server."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    word = text.lower()
    if word in {"memory:", "off"}:
        return word
    try:
        address = urlsplit(text)
        if address.scheme in _SERVERS and address.hostname and address.port != 0:
            return SecretStr(text)  # it may hold a password
        return _data_place(value)
    except ValueError:
        raise ValueError("must be the full path of a file, memory:, off, or an address such as redis://host") from None


def _path_template(value: object) -> object:
    if isinstance(value, str) and not (value.startswith("/") and value.count("{symbol}") == 1):
        raise ValueError("must start with / and hold {symbol} once")
    return value


def _dated_path(value: object) -> object:
    parts = ("{year}", "{month}", "{day}", "{date}")
    if isinstance(value, str) and not (value.startswith("/") and any(part in value for part in parts)):
        raise ValueError(f"must start with / and hold {', '.join(parts[:-1])} or {parts[-1]} (YYYYMMDD)")
    return value


def _url_path(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
        raise ValueError("must be a path such as /mcp")
    return value


def _words(value: object) -> object:
    """A list written with commas or blanks."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


Secret = Annotated[SecretStr | None, BeforeValidator(header_text)]
Identifier = Annotated[str | None, BeforeValidator(header_text)]
BaseUrl = Annotated[str, BeforeValidator(_base_url)]
Host = Annotated[str, BeforeValidator(_host)]
DataPlace = Annotated[Path, BeforeValidator(_data_place)]
OwnFile = Annotated[Path, BeforeValidator(_own_file)]
StoreSetting = Annotated[Literal["memory:", "off"] | Path | SecretStr, BeforeValidator(_store)]
PathTemplate = Annotated[str, BeforeValidator(_path_template)]
UrlPath = Annotated[str, BeforeValidator(_url_path)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
DatedPath = Annotated[str, BeforeValidator(_dated_path)]


ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""The signatures that a token of an authorisation server may have: none that a public key could be taken for."""

SANDBOX_DATES = (date(2021, 2, 1), date(2030, 12, 31))
"""The newest date that the sandbox may play lies between these."""


def _longbridge(name: str) -> AliasChoices:
    return AliasChoices(f"LONGBRIDGE_{name}", f"LONGPORT_{name}")


class Settings(BaseSettings):
    """Everything that can be set, one field a variable."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    longbridge_app_key: Secret = Field(None, validation_alias=_longbridge("APP_KEY"))
    longbridge_app_secret: Secret = Field(None, validation_alias=_longbridge("APP_SECRET"))
    longbridge_access_token: Secret = Field(None, validation_alias=_longbridge("ACCESS_TOKEN"))
    longbridge_client_id: Identifier = Field(None, validation_alias=_longbridge("CLIENT_ID"))
    longbridge_http_url: BaseUrl | None = Field(None, validation_alias=_longbridge("HTTP_URL"))
    longbridge_oauth_url: BaseUrl | None = Field(None, validation_alias=_longbridge("OAUTH_URL"))
    longbridge_region: Annotated[Literal["global", "cn"], _folded("global", "cn")] = Field(
        "global", validation_alias=_longbridge("REGION")
    )
    longbridge_language: Annotated[Literal["en", "zh-CN", "zh-HK"], _folded("en", "zh-CN", "zh-HK")] = Field(
        "en", validation_alias=_longbridge("LANGUAGE")
    )

    futu_source: FutuSource = Field("auto", validation_alias="FUTU_SOURCE")
    futu_opend_host: Host | None = Field(None, validation_alias="FUTU_OPEND_HOST")
    futu_opend_port: int | None = Field(None, ge=1, le=65535, validation_alias="FUTU_OPEND_PORT")
    futu_opend_rsa_key_file: OwnFile | None = Field(None, validation_alias="FUTU_OPEND_RSA_KEY_FILE")
    futu_api_url: BaseUrl | None = Field(None, validation_alias="FUTU_API_URL")
    futu_api_path: PathTemplate | None = Field(None, validation_alias="FUTU_API_PATH")
    futu_api_token: Secret = Field(None, validation_alias="FUTU_API_TOKEN")
    futu_api_key: Secret = Field(None, validation_alias="FUTU_API_KEY")
    futu_api_private_key_file: OwnFile | None = Field(None, validation_alias="FUTU_API_PRIVATE_KEY_FILE")

    finra: bool = Field(True, validation_alias="SHORTVOL_FINRA")
    finra_client_id: Identifier = Field(None, validation_alias="FINRA_CLIENT_ID")
    finra_client_secret: Secret = Field(None, validation_alias="FINRA_CLIENT_SECRET")
    finra_api_url: BaseUrl | None = Field(None, validation_alias="FINRA_API_URL")
    finra_sign_in_url: BaseUrl | None = Field(None, validation_alias="FINRA_SIGN_IN_URL")

    sfc: bool = Field(False, validation_alias="SHORTVOL_SFC")
    sfc_url: BaseUrl | None = Field(None, validation_alias="SFC_URL")
    sfc_path: DatedPath | None = Field(None, validation_alias="SFC_PATH")

    http_host: Host = Field("127.0.0.1", validation_alias="SHORTVOL_HTTP_HOST")
    http_port: int = Field(8000, ge=1, le=65535, validation_alias="SHORTVOL_HTTP_PORT")
    http_path: UrlPath = Field("/mcp", validation_alias="SHORTVOL_HTTP_PATH")
    http_public_url: BaseUrl | None = Field(None, validation_alias="SHORTVOL_HTTP_PUBLIC_URL")
    http_hosts: Words = Field((), validation_alias="SHORTVOL_HTTP_HOSTS")
    http_origins: Words = Field((), validation_alias="SHORTVOL_HTTP_ORIGINS")
    http_tokens: DataPlace | None = Field(None, validation_alias="SHORTVOL_HTTP_TOKENS")
    http_issuer: BaseUrl | None = Field(None, validation_alias="SHORTVOL_HTTP_ISSUER")
    http_audience: str | None = Field(None, validation_alias="SHORTVOL_HTTP_AUDIENCE")
    http_jwks_url: BaseUrl | None = Field(None, validation_alias="SHORTVOL_HTTP_JWKS_URL")
    http_algorithms: Words = Field(("RS256",), validation_alias="SHORTVOL_HTTP_ALGORITHMS")
    http_scopes: Words = Field((), validation_alias="SHORTVOL_HTTP_SCOPES")
    http_max_body: int = Field(65_536, ge=1024, le=4 * 1024**2, validation_alias="SHORTVOL_HTTP_MAX_BODY")
    http_concurrent: int = Field(64, ge=1, le=10_000, validation_alias="SHORTVOL_HTTP_CONCURRENT")
    http_queue: int = Field(256, ge=0, le=100_000, validation_alias="SHORTVOL_HTTP_QUEUE")
    http_caller_concurrent: int = Field(16, ge=1, le=10_000, validation_alias="SHORTVOL_HTTP_CALLER_CONCURRENT")
    http_caller_rate: Rate | None = Field(Rate(300, 60), validation_alias="SHORTVOL_HTTP_CALLER_RATE")

    sandbox: bool = Field(False, validation_alias="SHORTVOL_SANDBOX")
    sandbox_as_of: date | None = Field(
        None, ge=SANDBOX_DATES[0], le=SANDBOX_DATES[1], validation_alias="SHORTVOL_SANDBOX_AS_OF"
    )
    data_dir: DataPlace | None = Field(None, validation_alias="SHORTVOL_DATA_DIR")
    store: StoreSetting | None = Field(None, validation_alias="SHORTVOL_STORE")
    store_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(
        "shortvol", validation_alias="SHORTVOL_STORE_PREFIX"
    )
    fresh_seconds: float | None = Field(None, ge=0, le=31 * 86400, validation_alias="SHORTVOL_FRESH")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], _folded("DEBUG", "INFO", "WARNING", "ERROR")] = (
        Field("WARNING", validation_alias="SHORTVOL_LOG_LEVEL")
    )
    timeout: float = Field(12.0, gt=0, le=120, validation_alias="SHORTVOL_TIMEOUT")
    deadline: float = Field(45.0, gt=0, le=600, validation_alias="SHORTVOL_DEADLINE")
    # A little more than the vendors' windows: calls do not arrive at the pace at which they were made.
    longbridge_quota: Rate | None = Field(Rate(10, 1.05), validation_alias="SHORTVOL_LONGBRIDGE_QUOTA")
    futu_quota: Rate | None = Field(Rate(30, 30.5), validation_alias="SHORTVOL_FUTU_QUOTA")

    @property
    def longbridge_set_up(self) -> bool:
        """Whether anything that authenticates at Longbridge is set."""
        return any((self.longbridge_app_key, self.longbridge_access_token, self.longbridge_client_id))

    @property
    def opend_set_up(self) -> bool:
        """Whether an OpenD was named, and not only left to be found at its usual address."""
        return any((self.futu_opend_host, self.futu_opend_port, self.futu_opend_rsa_key_file))

    @property
    def cloud_set_up(self) -> bool:
        """Whether Futu's cloud was named; any one of its settings does."""
        return any(
            (
                self.futu_api_url,
                self.futu_api_path,
                self.futu_api_token,
                self.futu_api_key,
                self.futu_api_private_key_file,
            )
        )

    @property
    def anything_set_up(self) -> bool:
        """Whether any vendor with an account was named, or the sandbox asked for."""
        return any((self.longbridge_set_up, self.opend_set_up, self.cloud_set_up, self.sandbox))

    def in_sandbox(self, variables: Mapping[str, str]) -> "Settings":
        """The same with the vendors that a sandbox's `variables` name, and none of the real ones."""
        vendors = {
            name: _variable(field)
            for name, field in Settings.model_fields.items()
            if name.startswith(("longbridge_", "futu_", "finra_", "sfc_")) and field.default is None
        }
        sandboxed = load_settings(**{variable: variables.get(variable) for variable in vendors.values()})
        return self.model_copy(update={name: getattr(sandboxed, name) for name in vendors})

    @field_validator("sandbox_as_of")
    @classmethod
    def _not_in_the_future(cls, value: date | None) -> date | None:
        if value is not None and value > (today := max(market.today() for market in Market)):
            raise ValueError(f"must not be later than today, {today}")
        return value

    @field_validator("http_algorithms")
    @classmethod
    def _asymmetric(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not set(value) <= set(ASYMMETRIC):
            raise ValueError(f"must be of {', '.join(ASYMMETRIC)}")
        return value

    @field_validator("longbridge_quota", "futu_quota", "http_caller_rate", mode="before")
    @classmethod
    def _rate(cls, value: object) -> object:
        """`30/30` is 30 requests in 30 seconds; `off` counts nothing."""
        if not isinstance(value, str):
            return value
        if value.strip().lower() == "off":
            return None
        match = re.fullmatch(r"\s*([1-9][0-9]{0,5})\s*/\s*([0-9]{1,5}(?:\.[0-9]{1,3})?)\s*", value)
        if not match or float(match[2]) <= 0:
            raise ValueError("must be requests/seconds such as 30/30, or off")
        return Rate(int(match[1]), float(match[2]))


def load_settings(**overrides: str | None) -> Settings:
    """Settings from the environment; `overrides` are variables that win over it. Raises NotConfigured.

    The message names each variable and what it allows, never the value: it may be a secret in the wrong place.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic reads them by alias
    except ValidationError as error:
        problems = "; ".join(
            f"{details['loc'][0]}: {details['msg'].removeprefix('Value error, ')}" for details in error.errors()
        )
        raise NotConfigured(
            f"A setting cannot be used ({problems}).", "Correct or unset that environment variable and start again."
        ) from None


def variables_set(settings: Settings) -> list[str]:
    """The names of the variables that are set, by their newer names."""
    return [_variable(field) for name, field in Settings.model_fields.items() if name in settings.model_fields_set]


def _variable(field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else str(alias)
