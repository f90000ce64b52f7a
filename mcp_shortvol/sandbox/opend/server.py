"""OpenD on loopback: the vendor's own frames over TCP, in JSON and in protobuf, in the clear or with a key."""

import asyncio
import json
import os
import secrets
from pathlib import Path

from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.sandbox.http import Wire
from mcp_shortvol.sandbox.opend.bodies import Values, from_json, from_protobuf, to_json, to_protobuf
from mcp_shortvol.sandbox.opend.faults import Fault
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway, Question
from mcp_shortvol.sandbox.opend.messages import ANSWERS, QUESTIONS
from mcp_shortvol.sources.opend.cipher import AesCbcCipher, Cipher, RsaCipher
from mcp_shortvol.sources.opend.frame import BadFrame, BodyFormat, Frame, FrameDecoder
from mcp_shortvol.sources.opend.messages import Protocol

__all__ = ["OpenDService"]

_CHUNK = 65536
_AES_CBC, _NO_ENCRYPTION = 2, -1


class OpenDService:
    """The OpenD gateway behind a port; 0 takes any free one. With `rsa_key_file` it takes encrypted greetings only."""

    def __init__(self, gateway: OpenDGateway, port: int = 0, *, rsa_key_file: Path | None = None) -> None:
        self._gateway = gateway
        self._port = port
        self._rsa_key_file = rsa_key_file
        self._rsa: RsaCipher | None = None
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._accepted = 0

    async def start(self) -> None:
        """Listen on the port; NotConfigured where it cannot be had, or the key cannot be used."""
        try:
            self._rsa = RsaCipher(self._rsa_key_file.read_bytes()) if self._rsa_key_file else None
        except (OSError, ValueError) as unusable:
            raise NotConfigured(
                "The OpenD sandbox cannot use its RSA key file.", "Give it a PEM file with a key of 1024 bits."
            ) from unusable
        try:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        except (OSError, OverflowError) as refused:
            reason = os.strerror(refused.errno or 0) if isinstance(refused, OSError) else "ports go from 0 to 65535"
            raise NotConfigured(
                f"The OpenD sandbox cannot listen on port {self._port} of this machine: {reason}.",
                "Choose another with --opend-port, or 0 for any free one.",
            ) from refused
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection, whatever it is doing."""
        if self._server:
            self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def environment(self) -> dict[str, str]:
        """The variables that point a program here."""
        key = {"FUTU_OPEND_RSA_KEY_FILE": str(self._rsa_key_file)} if self._rsa_key_file else {}
        return {"FUTU_OPEND_HOST": "127.0.0.1", "FUTU_OPEND_PORT": str(self._port), **key}

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._clients)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.create_task(self._serve(reader, writer))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        client = _Client(self._gateway, self._accepted, Wire(reader, writer), self._rsa)
        try:
            async with asyncio.TaskGroup() as answering:
                await client.listen(reader, answering)
        except* (_Gone, BadFrame, ConnectionError):
            pass
        finally:
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()


class _Client:
    """One connection: who may say what on it, and in which cipher."""

    def __init__(self, gateway: OpenDGateway, number: int, wire: Wire, rsa: RsaCipher | None) -> None:
        self._gateway = gateway
        self._number = number
        self._wire = wire
        self._rsa = rsa
        self._aes: AesCbcCipher | None = None
        self._greeted = False
        self._sending = asyncio.Lock()
        self._greeting: Values = {
            "connID": secrets.randbits(62),
            "connAESKey": secrets.token_hex(8),
            "aesCBCiv": secrets.token_hex(8),
        }

    async def listen(self, reader: asyncio.StreamReader, answering: asyncio.TaskGroup) -> None:
        """Answer every frame, each in a task of its own: an answer that is slow holds up no other. Ends with _Gone."""
        decoder = FrameDecoder()
        while chunk := await reader.read(_CHUNK):
            for frame in decoder.feed(chunk):
                answering.create_task(self._answer(frame))
        raise _Gone

    async def _answer(self, frame: Frame) -> None:
        """Answer one frame. What OpenD would not understand ends the connection, as does all before the greeting."""
        greets = frame.protocol == Protocol.INIT_CONNECT
        cipher: Cipher | None = self._rsa if greets else self._aes
        try:
            c2s = _read(frame, frame.plain(cipher.decrypt if cipher else None))
        except ValueError:  # a BadFrame, no JSON or no protobuf
            raise _Gone from None
        if greets:
            self._greet(c2s)
        if not self._greeted:
            raise _Gone
        honest = self._gateway.answer(Question(frame.protocol, c2s, self._number), self._greeting)
        fault = self._gateway.faults.next(frame.protocol)
        body = _write(frame, honest, fault, c2s)
        encrypt = cipher.encrypt if cipher else None
        reply = Frame.of(frame.protocol, frame.serial, body, body_format=frame.body_format, encrypt=encrypt)
        packet = fault.frames(reply) if fault.frames else reply.encode()
        async with self._sending:
            await (fault.delivers(self._wire, packet) if fault.delivers else self._wire.send(packet))

    def _greet(self, c2s: Values) -> None:
        """Agree on a cipher; the ECB kinds are not played."""
        algorithm = c2s.get("packetEncAlgo", 0)
        if self._rsa and algorithm == _AES_CBC:
            key, vector = str(self._greeting["connAESKey"]), str(self._greeting["aesCBCiv"])
            self._aes = AesCbcCipher(key.encode(), vector.encode())
        self._greeted = self._rsa is None or algorithm in {_AES_CBC, _NO_ENCRYPTION}


class _Gone(Exception):
    """The connection is to end: the client has left, or is none that OpenD would talk to."""


def _read(frame: Frame, body: bytes) -> Values:
    """What is asked (`c2s`); an unknown protocol is asked nothing. ValueError where the body cannot be read."""
    if frame.body_format == BodyFormat.JSON:
        content = from_json(body).get("c2s")
    else:
        content = from_protobuf(QUESTIONS.get(frame.protocol, {}), body).get("c2s")
    return content if isinstance(content, dict) else {}


def _write(frame: Frame, honest: Values, fault: Fault, c2s: Values) -> bytes:
    answer = honest if fault.instead is None else fault.instead
    message = ANSWERS.get(frame.protocol, ANSWERS[Protocol.KEEP_ALIVE])
    if frame.body_format != BodyFormat.JSON:
        return to_protobuf(message, answer)
    document = to_json(message, answer) if answer is honest else dict(answer)
    content = document.get("s2c")
    if fault.says and isinstance(content, dict):
        fault.says(content, c2s)
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return fault.writes(body) if fault.writes else body
