"""The ciphers are the vendor's: recorded packets open, and AES, which has no chance in it, closes to the same bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.sources.opend.cipher import AesCbcCipher, RsaCipher
from mcp_shortvol.sources.opend.frame import BadFrame, Frame, FrameDecoder
from tests.sources.opend.fake_opend import GOLDEN, golden

PACKETS = golden("opend_rsa_aes_cbc")
GREETINGS = [name for name in PACKETS if "_1001_" in name]
AFTER_GREETING = [name for name in PACKETS if "_1001_" not in name]
KEY = (GOLDEN / "opend_rsa_aes_cbc" / "rsa1024.pem").read_bytes()

rsa = RsaCipher(KEY)


def recorded(name: str) -> Frame:
    (frame,) = FrameDecoder().feed(PACKETS[name])
    return frame


def negotiated() -> AesCbcCipher:
    """The cipher of the recorded connection: its greeting is protobuf, key field 4 and vector field 6, 16 long."""
    plain = recorded("002_s2c_1001_pb").plain(rsa.decrypt)
    key_at, vector_at = plain.index(b"\x22\x10") + 2, plain.index(b"\x32\x10") + 2
    return AesCbcCipher(plain[key_at : key_at + 16], plain[vector_at : vector_at + 16])


@pytest.mark.parametrize("name", GREETINGS)
def test_recorded_rsa_packets_open(name: str) -> None:
    assert recorded(name).plain(rsa.decrypt)


@pytest.mark.parametrize("name", AFTER_GREETING)
def test_recorded_aes_packets_open_and_close_to_the_same_bytes(name: str) -> None:
    frame = recorded(name)
    aes = negotiated()
    again = Frame.of(
        frame.protocol, frame.serial, frame.plain(aes.decrypt), body_format=frame.body_format, encrypt=aes.encrypt
    )
    assert again.encode() == PACKETS[name]


@given(st.binary(max_size=450))
def test_rsa_returns_what_it_was_given(plain: bytes) -> None:
    sent = rsa.encrypt(plain)
    assert len(sent) == 128 * -(-len(plain) // 100)
    assert rsa.decrypt(sent) == plain


@given(st.binary(max_size=100))
def test_aes_returns_what_it_was_given(plain: bytes) -> None:
    aes = AesCbcCipher(b"0123456789ABCDEF", b"FEDCBA9876543210")
    assert aes.decrypt(aes.encrypt(plain)) == plain


@given(st.binary(max_size=300))
def test_any_bytes_open_or_are_refused(sent: bytes) -> None:
    for cipher in (rsa, AesCbcCipher(b"0123456789ABCDEF", b"FEDCBA9876543210")):
        try:
            Frame(3248, 1, 1, sent, bytes(20)).plain(cipher.decrypt)
        except BadFrame:
            continue
        raise AssertionError("no body has a SHA-1 of zeros")


LABEL = b"RSA PRIVATE KEY"


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN %b-----\nAAAA\n-----END %b-----\n" % (LABEL, LABEL), b"\xff"])
def test_a_file_that_is_no_key_is_refused(pem: bytes) -> None:
    with pytest.raises(ValueError):
        RsaCipher(pem)


def test_a_key_that_is_not_rsa_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError):
        RsaCipher(pem)


@pytest.mark.parametrize(("key", "vector"), [(b"", b""), (b"0" * 16, b"0" * 15), (b"0" * 24, b"0" * 16)])
def test_aes_needs_sixteen_bytes_each(key: bytes, vector: bytes) -> None:
    with pytest.raises(ValueError):
        AesCbcCipher(key, vector)
