"""Coverage-guided bytes for OpenD's frame decoder and what reads its bodies: `python tests/fuzz/atheris_frames.py`.

Begins with the recorded packets. Needs atheris (`pip install -e '.[fuzz]'`, Linux); takes libFuzzer's options, such as
-max_total_time=60. Anything but our own errors ends it with a crash and the input that made it.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["mcp_shortvol.sources"]):
    from mcp_shortvol.domain.errors import ShortVolumeError
    from mcp_shortvol.domain.markets import Market
    from mcp_shortvol.sources.futu_rows import OPEND_ROWS, read_cursor, read_rows
    from mcp_shortvol.sources.opend.failures import MalformedAnswer, Refusal
    from mcp_shortvol.sources.opend.frame import BadFrame, Frame, FrameDecoder
    from mcp_shortvol.sources.opend.messages import GlobalState, Greeting, read_answer

PACKETS = Path(__file__).parents[1] / "wire" / "golden" / "opend_json"


def try_bytes(data: bytes) -> None:
    """The bytes as they come off the wire, in two chunks, and each body as if its SHA-1 were right."""
    decoder = FrameDecoder()
    middle = len(data) // 2
    try:
        for chunk in (data[:middle], data[middle:]):
            for frame in decoder.feed(chunk):
                _try_body(frame)
    except BadFrame:
        pass


def _try_body(frame: Frame) -> None:
    try:
        content = read_answer(frame.body)
    except (MalformedAnswer, Refusal):
        return
    Greeting.read(content)
    GlobalState.read(content)
    try:
        read_cursor(content.get("nextKey"))
        for market, name in ((Market.HK, "hkItemList"), (Market.US, "usItemList")):
            read_rows(content.get(name), OPEND_ROWS[market], market)
    except ShortVolumeError:
        pass


def main() -> None:
    """Fuzz until told to stop."""
    with TemporaryDirectory() as corpus:
        for packet in PACKETS.glob("*.hex"):
            (Path(corpus) / packet.stem).write_bytes(bytes.fromhex(packet.read_text()))
        atheris.Setup([*sys.argv, corpus], try_bytes)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
