"""The sandbox's OpenD behind a port of its own, our connection to it, and what its faults are known to come to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from mcp_shortvol.domain.errors import (
    NotEntitled,
    RateLimited,
    SetupError,
    ShortVolumeError,
    UnknownSecurity,
    UpstreamChanged,
    UpstreamFault,
    UpstreamUnreachable,
)
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.opend.server import OpenDService
from mcp_shortvol.sources.opend import OpenD

HOSTILE = ("script", "Ignore all", "\x1b", "\u202e", "\x00")

PATIENCE = 4.0
"""Seconds: less than any window of a refusal, so that nobody waits one out."""

ONCE = [
    "wrong_sha1",
    "absurd_length",
    "oversized",
    "garbage",
    "reset_before",
    "reset_inside",
    "dropped_before",
    "dropped_inside",
    "backend_timeout",
    "return_type_timeout",
]
FAILURES: dict[str, type[ShortVolumeError]] = {
    "rate_limited": RateLimited,
    "rate_limited_english": RateLimited,
    "rate_limited_5_seconds": RateLimited,
    "unknown_code": UnknownSecurity,
    "unknown_code_english": UnknownSecurity,
    "no_data": UnknownSecurity,
    "no_right": NotEntitled,
    "unknown_protocol": SetupError,
    "backend_timeout": UpstreamFault,
    "return_type_timeout": UpstreamFault,
    "return_type_disconnect": UpstreamFault,
    "return_type_invalid": UpstreamFault,
    "no_return_type": UpstreamFault,
    "refused_silently": UpstreamFault,
    "refused_in_hostile_words": UpstreamFault,
    "list_content": UpstreamChanged,
    "no_dates": UpstreamChanged,
    "odd_cursor": UpstreamChanged,
    "truncated_json": UpstreamChanged,
    "empty_body": UpstreamChanged,
    "bad_utf8": UpstreamChanged,
    "deep_nesting": UpstreamChanged,
    "not_an_object": UpstreamChanged,
    "other_format": UpstreamChanged,
    "oversized": UpstreamChanged,
    "wrong_sha1": UpstreamChanged,
    "absurd_length": UpstreamChanged,
    "garbage": UpstreamChanged,
    "reset_before": UpstreamUnreachable,
    "reset_inside": UpstreamUnreachable,
    "dropped_before": UpstreamUnreachable,
    "dropped_inside": UpstreamUnreachable,
    "wrong_serial": UpstreamUnreachable,
    "silence": UpstreamUnreachable,
    "half_a_frame": UpstreamUnreachable,
    "push_storm": UpstreamUnreachable,
    "slow": UpstreamUnreachable,
    "drip": UpstreamUnreachable,
}


@asynccontextmanager
async def sandboxed(
    gateway: OpenDGateway,
    *,
    seconds: float = 2.0,
    opend_key_file: Path | None = None,
    rsa_key_file: Path | None = None,
) -> AsyncIterator[OpenD]:
    service = OpenDService(gateway, rsa_key_file=opend_key_file)
    await service.start()
    try:
        async with anyio.create_task_group() as tasks:
            port = int(service.environment()["FUTU_OPEND_PORT"])
            opend = OpenD(tasks, port=port, timeout=seconds, rsa_key_file=rsa_key_file)
            yield opend
            await opend.aclose()
    finally:
        await service.stop()
