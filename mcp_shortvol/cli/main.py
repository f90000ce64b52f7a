"""The command `mcp-shortvol`: serve (the default), query, doctor, sandbox.

Exit codes, for scripts: 0 answered, 1 a defect of ours, 2 the question is wrong, 3 something must be set up first,
4 the vendor did not answer.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import date
from typing import NoReturn

from mcp_shortvol import __version__

__all__ = ["main"]

_EXAMPLES = """\
examples:
  mcp-shortvol                                  serve MCP on standard input and output, for an assistant
  mcp-shortvol query 700.HK                     the newest 20 trading days of Tencent
  mcp-shortvol query TSLA --count 60 --json     60 days of Tesla as JSON
  mcp-shortvol query 700.HK --start 2026-05-01 --end 2026-05-31 --full
  mcp-shortvol query TSLA --venues              which share of all trading was sold short, and where
  mcp-shortvol query --screen --order-by jump   the whole US market of the newest day, from FINRA
  mcp-shortvol query 700.HK --sandbox           the same without an account; the figures are invented
  mcp-shortvol serve --http                     serve a team over HTTP, after mcp-shortvol token new NAME
  mcp-shortvol doctor                           what is set up, what is kept, and who answers
  mcp-shortvol sandbox                          play the vendors on this machine, for any program
exit codes of query and doctor:
  0 answered   1 a defect of ours   2 the question is wrong   3 something must be set up first   4 the vendor failed
"""
_CONNECT = """\
mcp-shortvol is an MCP server: it speaks JSON-RPC on standard input and waits for an assistant to connect.
To ask from here instead:       mcp-shortvol query 700.HK --sandbox
To connect Claude Code:         claude mcp add shortvol -- mcp-shortvol
Other assistants: see the README. Press Ctrl-C to stop.
"""

_KNOWN_CLIENTS = "Known: claude-desktop, claude-code, cursor, vscode, codex, gemini, windsurf, goose, zed, opencode."


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit with its code."""
    options = _parser().parse_args(arguments)
    if sys.stdin is None or sys.stdout is None:
        if sys.stderr is not None:
            sys.stderr.write("mcp-shortvol: Standard input and output must be open.\n")
        sys.exit(2)
    try:
        code = _COMMANDS[options.command](options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # the reader has closed the pipe, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    except OSError as error:
        sys.stderr.write(f"mcp-shortvol: The answer cannot be written: {os.strerror(error.errno or 0)}.\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mcp-shortvol",
        description="Daily short volume of US and Hong Kong stocks, for AI assistants over MCP and for the terminal.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mcp-shortvol {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")
    serve = commands.add_parser("serve", help="serve MCP on standard input and output (also without a command)")
    serve.add_argument("--http", action="store_true", help="over streamable HTTP, for a team: see docs/deployment.md")
    serve.add_argument("--host", metavar="HOST", help="with --http: where to listen; default 127.0.0.1")
    serve.add_argument("--port", metavar="PORT", help="with --http: default 8000")
    serve.add_argument("--path", metavar="PATH", help="with --http: default /mcp")

    token = commands.add_parser("token", help="bearer tokens for a server over HTTP")
    actions = token.add_subparsers(dest="action", metavar="action", required=True)
    new = actions.add_parser("new", help="make a token and show it this once")
    new.add_argument("name", help="whose it is; the access log names it")
    new.add_argument("--days", type=float, default=90, metavar="N", help="how long it is valid; default 90, 0 for ever")
    actions.add_parser("list", help="whose tokens there are, when they end and when they were last used")
    actions.add_parser("revoke", help="end a token").add_argument("name")

    query = commands.add_parser("query", help="print what the tools would answer an assistant")
    query.add_argument("symbols", nargs="*", metavar="symbol", help="such as 700.HK, TSLA, BRK.B; several are compared")
    query.add_argument("--interest", action="store_true", help="short interest, the open positions, of one symbol")
    query.add_argument("--rank", choices=("US", "HK"), help="the most shorted stocks of a market, over OpenD")
    query.add_argument("--venues", action="store_true", help="by venue: what share of all US trading was sold short")
    query.add_argument("--screen", action="store_true", help="the whole US market of a date (--end), from FINRA")
    query.add_argument("--count", metavar="N", help="trading days, 1 to 1000; reports or names, 1 to 100")
    query.add_argument("--start", metavar="DATE", help="first trading date, YYYY-MM-DD")
    query.add_argument("--end", metavar="DATE", help="last trading date, YYYY-MM-DD")
    query.add_argument("--interval", choices=("day", "week", "month"), help="what a row is; default day")
    query.add_argument("--order-by", metavar="FIGURE", help="what comes first in a comparison or a ranking")
    forms = query.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="the structured answer, one line of JSON")
    forms.add_argument("--full", action="store_true", help="every day and every column, as CSV after the summary")
    forms.add_argument("--csv", action="store_true", help="all rows and nothing else")
    forms.add_argument("--html", metavar="FILE", help="a report with charts for any browser; - for standard output")
    forms.add_argument("--plot", action="store_true", help="the text with a plot below")
    query.add_argument(
        "--source",
        choices=("auto", "longbridge", "futu_opend", "futu_cloud", "finra", "sfc"),
        default="auto",
        help="auto: a named OpenD, Longbridge, an OpenD found here, Futu's cloud, else FINRA for US stocks",
    )
    query.add_argument("--sandbox", action="store_true", help="invented figures from this machine; needs no account")

    for name, words in (
        ("install", "put the server into an assistant's settings: print the block, or write it"),
        ("uninstall", "take the server out of an assistant's settings"),
    ):
        command = commands.add_parser(name, help=words, epilog=_KNOWN_CLIENTS)
        command.add_argument("client", help="such as claude-desktop, cursor or codex; any other gets the usual block")
        if name == "install":
            command.add_argument(
                "--write", action="store_true", help="write it, after showing the difference; keeps a copy"
            )
            command.add_argument("--sandbox", action="store_true", help="for a try-out with invented figures")
            command.add_argument(
                "--account",
                action="append",
                default=[],
                choices=("longbridge", "futu_cloud"),
                help="with its secrets: asked for without echo, else placeholders; an OpenD needs none",
            )

    for name, words in (("login", "sign in to a vendor in the browser"), ("logout", "remove that sign-in")):
        command = commands.add_parser(name, help=words)
        command.add_argument("vendor", choices=("longbridge",), help="the vendor")
        command.add_argument("--client-id", metavar="ID", help="of an earlier sign-in, else LONGBRIDGE_CLIENT_ID")
        if name == "login":
            command.add_argument("--no-browser", action="store_true", help="print the address; paste where it leads")

    examined = commands.add_parser("doctor", help="say why it does not work, and what to do; never a secret")
    examined.add_argument("--json", action="store_true", help="the findings as one line of JSON")

    sandbox = commands.add_parser("sandbox", help="play the vendors on loopback and print how to reach them")
    sandbox.add_argument("--longbridge-port", type=int, default=0, metavar="PORT", help="default: any free one")
    sandbox.add_argument("--opend-port", type=int, default=0, metavar="PORT", help="default: any free one")
    sandbox.add_argument("--cloud-port", type=int, default=0, metavar="PORT", help="default: any free one")
    sandbox.add_argument("--finra-port", type=int, default=0, metavar="PORT", help="default: any free one")
    sandbox.add_argument("--sfc-port", type=int, default=0, metavar="PORT", help="default: any free one")
    sandbox.add_argument("--as-of", type=_date, metavar="DATE", help="newest trading date served; default yesterday")
    sandbox.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="[UPSTREAM.]NAME[:TIMES]",
        help="switch a fault of longbridge, opend, cloud, finra or sfc on, for tests; repeatable",
    )
    return parser


def _date(text: str) -> date:
    from mcp_shortvol.settings import SANDBOX_DATES

    first, last = SANDBOX_DATES
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date as YYYY-MM-DD") from None
    if not first <= day <= last:
        raise argparse.ArgumentTypeError(f"{day} is not between {first} and {last}")
    return day


def _serve(options: argparse.Namespace) -> int:
    given = {
        "SHORTVOL_HTTP_HOST": getattr(options, "host", None),
        "SHORTVOL_HTTP_PORT": getattr(options, "port", None),
        "SHORTVOL_HTTP_PATH": getattr(options, "path", None),
    }
    overrides = {name: value for name, value in given.items() if value is not None}
    if getattr(options, "http", False):
        return _serve_http(overrides)
    if overrides:
        sys.stderr.write("mcp-shortvol: --host, --port and --path are of a server over HTTP. Add --http.\n")
        return 2
    return _serve_stdio()


def _serve_http(overrides: dict[str, str]) -> int:
    from mcp_shortvol import telemetry
    from mcp_shortvol.domain.errors import NotConfigured
    from mcp_shortvol.serving.run import serve_http
    from mcp_shortvol.settings import load_settings

    try:
        telemetry.configure(__version__)
        settings = load_settings(**overrides)
    except NotConfigured as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return 3
    return serve_http(settings)


def _token(options: argparse.Namespace) -> int:
    from mcp_shortvol.cli.token import token

    return token(options)


def _serve_stdio() -> int:
    import gc

    # The start-up allocates much and frees little: collecting in between finds nothing and costs a twentieth of it.
    gc.disable()
    from mcp_shortvol import telemetry
    from mcp_shortvol.domain.errors import NotConfigured
    from mcp_shortvol.server import build_server
    from mcp_shortvol.settings import load_settings

    try:
        telemetry.configure(__version__)
        server = build_server(load_settings())
    except NotConfigured as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return 3
    gc.enable()
    gc.freeze()
    if sys.stdin.isatty():
        sys.stderr.write(_CONNECT)
    # A thread waits for input and cannot be interrupted: Ctrl-C ends the process as it ends any filter.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    server.run("stdio")
    return 0


def _query(options: argparse.Namespace) -> int:
    from mcp_shortvol.cli.query import query

    return query(options)


def _install(options: argparse.Namespace) -> int:
    from mcp_shortvol.cli.install import install

    return install(options)


def _uninstall(options: argparse.Namespace) -> int:
    from mcp_shortvol.cli.install import uninstall

    return uninstall(options)


def _login(options: argparse.Namespace) -> int:
    from mcp_shortvol.cli.login import login

    return login(options)


def _logout(options: argparse.Namespace) -> int:
    from mcp_shortvol.cli.login import logout

    return logout(options)


def _doctor(options: argparse.Namespace) -> int:
    from mcp_shortvol.cli.doctor import doctor

    return doctor(options)


def _sandbox(options: argparse.Namespace) -> int:
    from mcp_shortvol.domain.errors import InvalidRequest, NotConfigured
    from mcp_shortvol.sandbox.runner import serve

    try:
        serve(
            as_of=options.as_of,
            longbridge_port=options.longbridge_port,
            opend_port=options.opend_port,
            cloud_port=options.cloud_port,
            finra_port=options.finra_port,
            sfc_port=options.sfc_port,
            faults=options.fault,
        )
    except (InvalidRequest, NotConfigured) as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return 2 if isinstance(error, InvalidRequest) else 3
    return 0


_COMMANDS = {
    None: _serve,
    "serve": _serve,
    "query": _query,
    "token": _token,
    "install": _install,
    "uninstall": _uninstall,
    "login": _login,
    "logout": _logout,
    "doctor": _doctor,
    "sandbox": _sandbox,
}
