"""The fault matrix: every fault, and how it is played at each upstream; what the caller gets stands in FAULTS.md.

A play is a function of the stage that switches the fault on. Where a fault cannot exist at an upstream, the reason
stands in its place.
"""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mcp_shortvol.sandbox.runner import Sandbox

__all__ = ["CHANGES", "ELSEWHERE", "MATRIX", "UPSTREAMS", "Stage", "tls_listener"]

UPSTREAMS = ("Longbridge", "OpenD", "Futu cloud", "FINRA", "SFC")


@dataclass
class Stage:
    """The played upstreams, the settings that lead to them, and a place for files."""

    sandbox: Sandbox
    folder: Path
    tls_port: int
    settings: dict[str, str | None] = field(default_factory=dict)


Play = Callable[[Stage], object]
NOT_THERE = str
"""Why a fault does not exist at an upstream."""


def longbridge(name: str, **options: Any) -> Play:
    return lambda stage: stage.sandbox.longbridge.fail(name, **options)


def opend(name: str, **options: Any) -> Play:
    return lambda stage: stage.sandbox.opend.fail(name, **options)


def cloud(name: str, **options: Any) -> Play:
    return lambda stage: stage.sandbox.cloud.fail(name, **options)


def finra(name: str, **options: Any) -> Play:
    return lambda stage: stage.sandbox.finra.fail(name, **options)


def finra_signed(name: str) -> Play:
    """A fault met with a credential."""

    def play(stage: Stage) -> None:
        credential = stage.sandbox.finra.credential
        stage.sandbox.finra.fail(name)
        stage.settings |= {"FINRA_CLIENT_ID": credential.client_id, "FINRA_CLIENT_SECRET": credential.secret}

    return play


def sfc(name: str, **options: Any) -> Play:
    return lambda stage: stage.sandbox.sfc.fail(name, **options)


def setting(**variables: str) -> Play:
    return lambda stage: stage.settings.update(variables)


def at_tls(variable: str) -> Play:
    """Where a certificate is shown that nobody has signed."""
    return lambda stage: stage.settings.update({variable: f"https://127.0.0.1:{stage.tls_port}"})


def opend_at_tls(stage: Stage) -> None:
    stage.settings["FUTU_OPEND_PORT"] = str(stage.tls_port)


def plain_http(variable: str) -> Play:
    """TLS spoken to one who speaks none."""

    def play(stage: Stage) -> None:
        address = stage.sandbox.environment()[variable]
        stage.settings[variable] = address.replace("http://", "https://")

    return play


def opend_at_http(stage: Stage) -> None:
    stage.settings["FUTU_OPEND_PORT"] = stage.sandbox.environment()["FUTU_API_URL"].rpartition(":")[2]


def logged_out(stage: Stage) -> None:
    stage.sandbox.opend.logged_in = False


def oauth(expires_in: float, *, revoked: bool = False) -> Play:
    """A sign-in by OAuth whose access token has ended, in a home of its own."""

    def play(stage: Stage) -> None:
        grant = stage.sandbox.longbridge.issue_token("client", expires_in)
        if revoked:
            grant = {**grant, "refresh_token": "revoked"}
        folder = stage.folder / ".longbridge" / "openapi" / "tokens"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "client").write_text(json.dumps(grant))
        stage.settings |= {
            "LONGBRIDGE_APP_KEY": None,
            "LONGBRIDGE_APP_SECRET": None,
            "LONGBRIDGE_ACCESS_TOKEN": None,
            "LONGBRIDGE_CLIENT_ID": "client",
        }

    return play


def everywhere(name: str, **options: Any) -> dict[str, Play | NOT_THERE]:
    """A fault that all are played with under one name."""
    return {
        "Longbridge": longbridge(name, **options),
        "OpenD": opend(name, **options),
        "Futu cloud": cloud(name, **options),
        "FINRA": finra(name, **options),
        "SFC": sfc(name, **options),
    }


def over_http(name: str, there: Play | NOT_THERE, **options: Any) -> dict[str, Play | NOT_THERE]:
    """A fault of HTTP, and what comes closest to it at OpenD."""
    return {**everywhere(name, **options), "OpenD": there}


NO_HTTP = "no HTTP there"
NO_FRAMES = "no frames there"
NO_DELAY_SAID = "OpenD never says how long"
NO_PAGES = "one page only"
NO_SIGN_IN = "no account there"
NO_CURSOR = "pages are date ranges"


def only_finra(play: Play, why: NOT_THERE = "FINRA's own") -> dict[str, Play | NOT_THERE]:
    return {**dict.fromkeys(UPSTREAMS, why), "FINRA": play}


def only_sfc(play: Play, why: NOT_THERE = "the SFC's own") -> dict[str, Play | NOT_THERE]:
    return {**dict.fromkeys(UPSTREAMS, why), "SFC": play}


def only_opend(play: Play, why: NOT_THERE = NO_FRAMES) -> dict[str, Play | NOT_THERE]:
    return {**dict.fromkeys(UPSTREAMS, why), "OpenD": play}


MATRIX: Mapping[str, Mapping[str, Play | NOT_THERE]] = {
    "connection refused": {
        "Longbridge": setting(LONGBRIDGE_HTTP_URL="http://127.0.0.1:9"),
        "OpenD": setting(FUTU_OPEND_PORT="9"),
        "Futu cloud": setting(FUTU_API_URL="http://127.0.0.1:9"),
        "FINRA": setting(FINRA_API_URL="http://127.0.0.1:9"),
        "SFC": setting(SFC_URL="http://127.0.0.1:9"),
    },
    "name without an address": {
        "Longbridge": setting(LONGBRIDGE_HTTP_URL="http://no-such-host.invalid"),
        "OpenD": setting(FUTU_OPEND_HOST="no-such-host.invalid"),
        "Futu cloud": setting(FUTU_API_URL="http://no-such-host.invalid"),
        "FINRA": setting(FINRA_API_URL="http://no-such-host.invalid"),
        "SFC": setting(SFC_URL="http://no-such-host.invalid"),
    },
    "TLS with a certificate nobody signed": {
        "Longbridge": at_tls("LONGBRIDGE_HTTP_URL"),
        "OpenD": opend_at_tls,
        "Futu cloud": at_tls("FUTU_API_URL"),
        "FINRA": at_tls("FINRA_API_URL"),
        "SFC": at_tls("SFC_URL"),
    },
    "TLS to a port without TLS": {
        "Longbridge": plain_http("LONGBRIDGE_HTTP_URL"),
        "OpenD": "OpenD's wire has no TLS",
        "Futu cloud": plain_http("FUTU_API_URL"),
        "FINRA": plain_http("FINRA_API_URL"),
        "SFC": plain_http("SFC_URL"),
    },
    "another service on the port": {
        "Longbridge": longbridge("garbage"),
        "OpenD": opend_at_http,
        "Futu cloud": cloud("garbage"),
        "FINRA": finra("garbage"),
        "SFC": sfc("garbage"),
    },
    "reset before the answer": everywhere("reset_before"),
    "reset before the answer, once": everywhere("reset_before", times=1),
    "reset inside the answer": everywhere("reset_inside"),
    "reset inside the answer, once": everywhere("reset_inside", times=1),
    "closed inside the answer": over_http("truncated_body", opend("dropped_inside")),
    "half a frame, then silence": only_opend(opend("half_a_frame")),
    "silence": everywhere("silence"),
    "silence, once": everywhere("silence", times=1),
    "slow drip": everywhere("drip", seconds=4.0),
    "later than a request may take, once": everywhere("slow", seconds=1.5, times=1),
    "wrong SHA-1": only_opend(opend("wrong_sha1")),
    "wrong SHA-1, once": only_opend(opend("wrong_sha1", times=1)),
    "wrong serial": only_opend(opend("wrong_serial")),
    "answer in another format": only_opend(opend("other_format")),
    "push storm instead of an answer": only_opend(opend("push_storm")),
    "pushes with the answer's serial": only_opend(opend("colliding_pushes")),
    "answer in tiny chunks": only_opend(opend("tiny_chunks")),
    "logged out": only_opend(logged_out, "no login there"),
    "HTML 502": over_http("html_502", NO_HTTP),
    "HTML 200 of a guest network": over_http("html_200", NO_HTTP),
    "redirect": over_http("redirect", NO_HTTP),
    "JSON 429 without Retry-After": over_http("http_429_json", opend("rate_limited")),
    "JSON 429 with Retry-After of a second, once": over_http("http_429_json", NO_DELAY_SAID, retry_after=1, times=1),
    "JSON 429 with Retry-After beyond the deadline": over_http("http_429_json", NO_DELAY_SAID, retry_after=600),
    "HTML 429 without Retry-After": over_http("http_429_html", NO_HTTP),
    "HTML 429 with Retry-After of a second, once": over_http("http_429_html", NO_HTTP, retry_after=1, times=1),
    "5xx": over_http("error_500", opend("backend_timeout")),
    "5xx, then fine": over_http("error_500", opend("backend_timeout", times=1), times=1),
    "expired token, refreshed": {
        "Longbridge": oauth(-60),
        "OpenD": "no token there",
        "Futu cloud": "whoever signed in keeps the refresh token",
        "FINRA": "its own test renews one",
        "SFC": NO_SIGN_IN,
    },
    "expired token, refresh refused": {
        "Longbridge": oauth(-60, revoked=True),
        "OpenD": "no token there",
        "Futu cloud": "whoever signed in keeps the refresh token",
        "FINRA": "its own test renews one",
        "SFC": NO_SIGN_IN,
    },
    "expired token": {
        "Longbridge": longbridge("expired_token"),
        "OpenD": "no token there",
        "Futu cloud": cloud("code_401001"),
        "FINRA": finra_signed("asks_for_key"),
        "SFC": NO_SIGN_IN,
    },
    "revoked token": {
        "Longbridge": longbridge("revoked_token"),
        "OpenD": "no token there",
        "Futu cloud": cloud("code_403001"),
        "FINRA": finra_signed("forbidden"),
        "SFC": NO_SIGN_IN,
    },
    "no right to the quotes": {
        "Longbridge": longbridge("code_301604"),
        "OpenD": opend("no_right"),
        "Futu cloud": cloud("code_-9"),
        "FINRA": finra("asks_for_key"),
        "SFC": NO_SIGN_IN,
    },
    "unknown symbol": {
        "Longbridge": longbridge("code_2601400"),
        "OpenD": opend("unknown_code"),
        "Futu cloud": cloud("code_-7"),
        "FINRA": "not told apart from no rows",
        "SFC": "not told apart from no position",
    },
    "a refusal nobody documents": {
        "Longbridge": longbridge("code_999999"),
        "OpenD": opend("refused_silently"),
        "Futu cloud": cloud("code_-99"),
        "FINRA": finra("error_400"),
        "SFC": sfc("error_404"),
    },
    "truncated JSON": everywhere("truncated_json"),
    "truncated JSON, once": everywhere("truncated_json", times=1),
    "empty body": everywhere("empty_body"),
    "invalid UTF-8": everywhere("bad_utf8"),
    "100 MB": {
        "Longbridge": longbridge("oversized", megabytes=100),
        "OpenD": opend("oversized"),
        "Futu cloud": cloud("oversized", megabytes=100),
        "FINRA": finra("oversized", megabytes=100),
        "SFC": sfc("oversized", megabytes=100),
    },
    "a length of 4 GB announced": only_opend(opend("absurd_length")),
    "deep nesting": everywhere("deep_nesting"),
    "wrong types": everywhere("wrong_types"),
    "nulls": {**everywhere("nulls"), "SFC": "n.a. is the file's own word"},
    "null among the rows": {**everywhere("null_rows"), "SFC": "no JSON there"},
    "NaN": only_finra(finra("nan"), "OpenD's and the others' decoders have their own tests"),
    "numbers as strings": only_finra(finra("strings"), "usual there"),
    "CSV instead of JSON": only_finra(finra("csv")),
    "no total": only_finra(finra("no_total")),
    "a day that is missing": only_finra(finra("a_day_missing")),
    "a correction of the newest day": only_finra(finra("correction")),
    "symbols in lower case": only_finra(finra("lower_case")),
    "records of another security": only_finra(finra("another_security")),
    "a week not published": only_sfc(sfc("not_published", times=1)),
    "figures with separators": only_sfc(sfc("thousands")),
    "cells missing": everywhere("missing_cells"),
    "no rows": everywhere("empty"),
    "duplicates": everywhere("duplicates"),
    "unsorted": everywhere("unsorted"),
    "future dates": everywhere("future_dates"),
    "endless paging": {
        "Longbridge": longbridge("endless_paging"),
        "OpenD": opend("endless_paging"),
        "Futu cloud": NO_PAGES,
        "FINRA": NO_CURSOR,
        "SFC": NO_CURSOR,
    },
    "repeated cursor": {
        "Longbridge": longbridge("repeated_page"),
        "OpenD": opend("repeated_cursor"),
        "Futu cloud": NO_PAGES,
        "FINRA": NO_CURSOR,
        "SFC": NO_CURSOR,
    },
    "the same page for ever": {
        "Longbridge": longbridge("repeated_page"),
        "OpenD": opend("circling"),
        "Futu cloud": NO_PAGES,
        "FINRA": NO_CURSOR,
        "SFC": NO_CURSOR,
    },
    "hostile text in every text field": everywhere("hostile_text"),
    "hostile text in a refusal": {
        "Longbridge": longbridge("hostile_error"),
        "OpenD": opend("refused_in_hostile_words"),
        "Futu cloud": cloud("hostile_error"),
        "FINRA": finra("error_400_hostile"),
        "SFC": "its text is never read",
    },
}


CHANGES = frozenset({"a day that is missing", "a correction of the newest day"})
"""What may well be true: the newer word of a source is then the answer, also where another one is kept."""

ELSEWHERE = frozenset(
    {
        "connection refused",
        "name without an address",
        "TLS with a certificate nobody signed",
        "TLS to a port without TLS",
        "another service on the port",
        "expired token, refreshed",
        "expired token, refresh refused",
    }
)
"""The faults that are played by other settings, and not by the upstream that gave the days before."""


@contextmanager
def tls_listener(folder: Path) -> Iterator[int]:
    """The port of a listener that greets with TLS and a certificate of its own making."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_self_signed(folder))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_shake_hands, args=(context, connection), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _shake_hands(context: ssl.SSLContext, connection: socket.socket) -> None:
    with connection:
        connection.settimeout(5)
        try:
            with context.wrap_socket(connection, server_side=True) as encrypted:
                encrypted.recv(1)
        except OSError:
            pass  # whoever came does not trust the certificate, or speaks no TLS


def _self_signed(folder: Path) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "certificate.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private
