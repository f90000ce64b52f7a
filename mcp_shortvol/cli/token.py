"""The command `token`: bearer tokens for a server over HTTP, made, listed and revoked."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import anyio

from mcp_shortvol.domain.errors import InvalidRequest, ShortVolumeError
from mcp_shortvol.serving.app import token_file
from mcp_shortvol.serving.tokens import Token, TokenFile
from mcp_shortvol.settings import load_settings

__all__ = ["token"]


def token(options: argparse.Namespace) -> int:
    """Do what is asked; returns the exit code."""
    actions: dict[str, Callable[[TokenFile, argparse.Namespace], Awaitable[str]]] = {
        "new": _new,
        "list": _list,
        "revoke": _revoke,
    }

    async def act() -> str:
        file = token_file(load_settings())
        try:
            return await actions[options.action](file, options)
        finally:
            await file.aclose()

    try:
        print(anyio.run(act))  # noqa: T201
    except ShortVolumeError as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return 2 if isinstance(error, InvalidRequest) else 3
    return 0


async def _new(file: TokenFile, options: argparse.Namespace) -> str:
    if not 0 <= options.days <= 36_500:
        raise InvalidRequest("--days goes from 0 (for ever) to 36500.", "Leave it out for 90 days.")
    made = await file.issue(options.name, options.days or None)
    sys.stderr.write("The token is shown this once; the file keeps a hash only. Send it as Authorization: Bearer.\n")
    return made


async def _list(file: TokenFile, _: argparse.Namespace) -> str:
    listed = await file.tokens()
    return "\n".join(map(_line, listed)) if listed else "There are no tokens."


async def _revoke(file: TokenFile, options: argparse.Namespace) -> str:
    if not await file.revoke(options.name):
        raise InvalidRequest(f"There is no token of {options.name!r}.", "mcp-shortvol token list names them.")
    return f"The token of {options.name} is revoked; servers refuse it within seconds."


def _line(each: Token) -> str:
    ends = "never ends" if each.ends_at is None else f"{'ended' if each.ended else 'ends'} {_day(each.ends_at)}"
    used = "never used" if each.used_at is None else f"last used {_day(each.used_at)}"
    return f"{each.name}: made {_day(each.created_at)}, {ends}, {used}"


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
