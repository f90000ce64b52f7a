"""Frames survive any chunking, equal the vendor's own byte for byte, and garbage is refused as garbage."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.sources.opend.frame import HEADER_LENGTH, MAX_BODY_LENGTH, BadFrame, BodyFormat, Frame, FrameDecoder
from tests.sources.opend.fake_opend import GOLDEN, golden

FOLDERS = {"opend_json": "opend_decoded.json", "opend_positions": "opend_positions_decoded.json"}
PACKETS = {f"{folder}/{name}": packet for folder in FOLDERS for name, packet in golden(folder).items()}
RECORDED = {
    name: expected
    for decoded in FOLDERS.values()
    for name, expected in json.loads((GOLDEN / decoded).read_text()).items()
}

frames = st.builds(
    lambda protocol, serial, plain, body_format: Frame.of(protocol, serial, plain, body_format=body_format),
    protocol=st.integers(0, 2**32 - 1),
    serial=st.integers(0, 2**32 - 1),
    plain=st.binary(max_size=300),
    body_format=st.sampled_from(BodyFormat),
)


@pytest.mark.parametrize("name", PACKETS)
def test_given_the_sdks_body_our_frame_is_the_sdks(name: str) -> None:
    packet = PACKETS[name]
    (recorded,) = FrameDecoder().feed(packet)
    assert Frame.of(recorded.protocol, recorded.serial, packet[HEADER_LENGTH:]).encode() == packet


@pytest.mark.parametrize("name", PACKETS)
def test_recorded_packets_decode_to_the_recorded_values(name: str) -> None:
    (frame,) = FrameDecoder().feed(PACKETS[name])
    expected = RECORDED[f"{name}.hex"]
    assert (frame.protocol, frame.serial, frame.body_format) == (expected["proto"], expected["serial"], expected["fmt"])
    assert json.loads(frame.plain()) == expected["decoded"]


@given(st.lists(frames, max_size=5), st.lists(st.integers(1, 200), max_size=30))
def test_frames_come_out_whole_whatever_the_chunks(sent: list[Frame], sizes: list[int]) -> None:
    wire = b"".join(frame.encode() for frame in sent)
    decoder = FrameDecoder()
    received = []
    for size in sizes:
        received += decoder.feed(wire[:size])
        wire = wire[size:]
    received += decoder.feed(wire)
    assert received == sent


@given(st.lists(st.binary(max_size=100), max_size=10))
def test_any_bytes_are_frames_or_refused(chunks: list[bytes]) -> None:
    decoder = FrameDecoder()
    try:
        for chunk in chunks:
            for frame in decoder.feed(chunk):
                frame.plain()
    except BadFrame:
        pass


@given(frames, st.data())
def test_one_flipped_bit_in_the_body_is_noticed(frame: Frame, data: st.DataObject) -> None:
    packet = bytearray(Frame.of(frame.protocol, frame.serial, frame.body + b"!").encode())
    position = data.draw(st.integers(HEADER_LENGTH, len(packet) - 1))
    packet[position] ^= 1 << data.draw(st.integers(0, 7))
    (received,) = FrameDecoder().feed(bytes(packet))
    with pytest.raises(BadFrame):
        received.plain()


def test_another_protocol_is_refused_at_its_first_byte() -> None:
    with pytest.raises(BadFrame):
        FrameDecoder().feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(BadFrame):
        FrameDecoder().feed(b"\x00")


def test_an_absurd_length_is_refused_before_the_body_comes() -> None:
    header = bytearray(Frame.of(3248, 1, b"").encode())
    header[12:16] = (MAX_BODY_LENGTH + 1).to_bytes(4, "little")
    with pytest.raises(BadFrame):
        FrameDecoder().feed(bytes(header))


def test_a_body_in_many_small_chunks_takes_time_in_proportion_to_its_length() -> None:
    packet = Frame.of(3248, 1, bytes(200_000)).encode()
    decoder = FrameDecoder()
    received = [frame for start in range(0, len(packet), 7) for frame in decoder.feed(packet[start : start + 7])]
    assert [frame.encode() for frame in received] == [packet]
