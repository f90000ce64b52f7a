"""The commands `login longbridge` and `logout longbridge`: the sign-in in a browser, and its end."""

import argparse
import sys
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic

import anyio
import anyio.to_thread

from mcp_shortvol.domain.errors import InvalidRequest, SetupError, ShortVolumeError
from mcp_shortvol.settings import Settings, load_settings
from mcp_shortvol.sources.http import HttpClient
from mcp_shortvol.sources.longbridge.oauth import token_folder
from mcp_shortvol.sources.longbridge.region import base_url
from mcp_shortvol.sources.longbridge.sign_in import REDIRECT_PORT, SignIn, register

__all__ = ["login", "logout"]

_PATIENCE = 300.0  # seconds to sign in and allow it
_PAGE = "<!doctype html><meta charset=utf-8><title>mcp-shortvol</title><p>{}"


def login(options: argparse.Namespace) -> int:
    """Sign in and keep the tokens; returns the exit code."""
    try:
        settings = load_settings()
        client_id = anyio.run(_sign_in, settings, options.client_id, options.no_browser)
    except ShortVolumeError as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return 3 if isinstance(error, SetupError) else 4
    print(f"Signed in. Set LONGBRIDGE_CLIENT_ID={client_id} where your assistant starts the server.")  # noqa: T201
    return 0


def logout(options: argparse.Namespace) -> int:
    """Remove the token file of a client; returns the exit code."""
    try:
        folder = token_folder()
        client_id = options.client_id or load_settings().longbridge_client_id
    except SetupError as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return 3
    kept = sorted(file.name for file in folder.glob("[!.]*") if file.suffix != ".lock") if folder.is_dir() else []
    if client_id is None and len(kept) == 1:
        client_id = kept[0]
    if client_id not in kept:
        which = f"Name one with --client-id: {', '.join(kept)}." if kept else "There is nothing to sign out of."
        sys.stderr.write(f"mcp-shortvol: There is no sign-in to Longbridge for that client id. {which}\n")
        return 2
    (folder / client_id).unlink()
    (folder / f"{client_id}.lock").unlink(missing_ok=True)
    print(f"Signed out: the tokens of {client_id} are removed from this machine.")  # noqa: T201
    return 0


async def _sign_in(settings: Settings, client_id: str | None, no_browser: bool) -> str:
    url = settings.longbridge_oauth_url or base_url(settings.longbridge_region)
    http = HttpClient("Longbridge's sign-in", url, timeout=settings.timeout)
    try:
        client_id = client_id or settings.longbridge_client_id or await register(http)
        sign_in = SignIn(client_id, url)
        redirected = await anyio.to_thread.run_sync(_redirected, sign_in, no_browser)
        await sign_in.finish(http, sign_in.code_in(redirected), token_folder())
    finally:
        await http.aclose()
    return client_id


def _redirected(sign_in: SignIn, no_browser: bool) -> str:
    """The address that the browser is sent back to: caught on this machine, or pasted."""
    if not no_browser:
        try:
            with _Loopback(("127.0.0.1", REDIRECT_PORT), _Callback) as server:
                sys.stderr.write(f"Sign in to Longbridge in the browser. If none opens, use:\n{sign_in.address}\n")
                if webbrowser.open(sign_in.address):
                    return server.wait()
        except OSError:
            sys.stderr.write(f"Port {REDIRECT_PORT} of this machine is taken: the browser cannot lead back here.\n")
    sys.stderr.write(f"Open this address in a browser, on any machine, and allow the sign-in:\n{sign_in.address}\n")
    sys.stderr.write("The browser then shows an address that begins with http://localhost. Paste it here: ")
    sys.stderr.flush()
    pasted = sys.stdin.readline()
    if not pasted.strip():
        raise InvalidRequest("No address was pasted.", "Run the login again where you can type, or with a browser.")
    return pasted


class _Loopback(HTTPServer):
    """Waits for the one redirect."""

    path = ""

    def wait(self) -> str:
        ends = monotonic() + _PATIENCE
        while not self.path:
            self.timeout = max(ends - monotonic(), 0.1)
            self.handle_request()
            if monotonic() > ends:
                raise InvalidRequest("Nobody signed in within five minutes.", "Run the login again.")
        return self.path


class _Callback(BaseHTTPRequestHandler):
    """Answers the browser; whatever else is asked for on this port is not found."""

    server: _Loopback
    timeout = 2  # seconds: browsers open connections ahead that they may never use

    def do_GET(self) -> None:
        found = self.path.startswith("/callback?")
        if found:
            self.server.path = self.path
        said = "You may close this page and go back to the terminal." if found else "Nothing is here."
        body = _PAGE.format(said).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing: the address holds the code."""
