"""OpenD's two ciphers: RSA for the first exchange of a connection, AES for all that follows.

Both sides share one RSA private key file, 1024 bits. `cryptography` is imported where it is used: most people run
OpenD on their own machine without a key, and should not wait for it.
"""

from typing import TYPE_CHECKING, Protocol

from mcp_shortvol.sources.opend.frame import BadFrame

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher as AesCipher

__all__ = ["AesCbcCipher", "Cipher", "RsaCipher"]

_AES_BLOCK = 16
# What the vendor's SDK puts into one block; PKCS#1 v1.5 would leave room for 117 bytes in 128.
_RSA_PLAIN_PIECE = 100
_RSA_PADDING = 11


class Cipher(Protocol):
    """What turns a plain body into the one that is sent, and back; `decrypt` raises BadFrame."""

    def encrypt(self, plain: bytes) -> bytes:
        """The body as sent."""

    def decrypt(self, sent: bytes) -> bytes:
        """The body as meant."""


class RsaCipher:
    """PKCS#1 v1.5, 100 plain bytes a block; both sides encrypt with the public half and decrypt with the private."""

    def __init__(self, private_key_pem: bytes) -> None:
        """Raises ValueError where the key cannot be used; the message never shows it."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(private_key_pem, password=None)
        except (TypeError, ValueError, UnsupportedAlgorithm) as error:
            raise ValueError("not an unencrypted private key in PEM") from error
        if not isinstance(key, RSAPrivateKey) or key.key_size // 8 < _RSA_PLAIN_PIECE + _RSA_PADDING:
            raise ValueError("not an RSA key of 1024 bits")
        self._key = key

    def encrypt(self, plain: bytes) -> bytes:
        """One block per piece of `plain`."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        public = self._key.public_key()
        pieces = (plain[start : start + _RSA_PLAIN_PIECE] for start in range(0, len(plain), _RSA_PLAIN_PIECE))
        return b"".join(public.encrypt(piece, PKCS1v15()) for piece in pieces)

    def decrypt(self, sent: bytes) -> bytes:
        """Raises BadFrame where `sent` is not whole blocks; a wrong key may yield noise, which the SHA-1 then tells."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        block = self._key.key_size // 8
        try:
            return b"".join(
                self._key.decrypt(sent[start : start + block], PKCS1v15()) for start in range(0, len(sent), block)
            )
        except ValueError as error:
            raise BadFrame("the body was not encrypted with this RSA key") from error


class AesCbcCipher:
    """AES-CBC with PKCS#7 padding; every body starts from the connection's initial vector."""

    def __init__(self, key: bytes, initial_vector: bytes) -> None:
        """Raises ValueError where either is not 16 bytes long."""
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES128
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        self._cipher: AesCipher[CBC] = Cipher(AES128(key), CBC(initial_vector))

    def encrypt(self, plain: bytes) -> bytes:
        """`plain`, padded to the next multiple of 16 bytes."""
        padding = _AES_BLOCK - len(plain) % _AES_BLOCK
        encryptor = self._cipher.encryptor()
        return encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()

    def decrypt(self, sent: bytes) -> bytes:
        """Raises BadFrame where length or padding is wrong."""
        if not sent or len(sent) % _AES_BLOCK:
            raise BadFrame("the body is not whole AES blocks")
        decryptor = self._cipher.decryptor()
        padded = decryptor.update(sent) + decryptor.finalize()
        padding = padded[-1]
        if not 1 <= padding <= _AES_BLOCK or padded[-padding:] != bytes([padding]) * padding:
            raise BadFrame("the body is not padded as PKCS#7 asks")
        return padded[:-padding]
