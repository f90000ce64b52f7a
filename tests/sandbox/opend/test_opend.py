"""The simulated OpenD has the vendor's protocol: handshake, pages of the published rows, limits, ciphers, faults."""

import hashlib
import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from mcp_shortvol.domain.errors import InvalidRequest, NotConfigured
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.futu_rows import position, rows
from mcp_shortvol.sandbox.market.days import listings
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.opend.server import OpenDService
from mcp_shortvol.sources.opend.cipher import AesCbcCipher, RsaCipher

GOLDEN = Path(__file__).parents[2] / "wire" / "golden"
KEY_FILE = GOLDEN / "opend_rsa_aes_cbc" / "rsa1024.pem"
AS_OF = date(2026, 5, 8)
TENCENT = Symbol("700", Market.HK)

# Spelled out once more, so that the sandbox is held to the wire and not to our own codec.
HEADER = struct.Struct("<2sIBBII20s8s")


@contextmanager
def serving(gateway: OpenDGateway, *, rsa_key_file: Path | None = None) -> Iterator[int]:
    service = OpenDService(gateway, rsa_key_file=rsa_key_file)
    with start_blocking_portal() as portal:
        portal.call(service.start)
        try:
            yield int(service.environment()["FUTU_OPEND_PORT"])
        finally:
            portal.call(service.stop)


class Client:
    """A client that blocks and does one thing at a time."""

    def __init__(self, port: int, *, handshake: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.rsa: RsaCipher | None = None
        self.aes: AesCbcCipher | None = None
        self.serial = 100
        if handshake:
            self.handshake = self.ask(1001, {"clientVer": 300, "clientID": "t", "packetEncAlgo": -1})

    def send(self, protocol: int, c2s: dict[str, Any], body: bytes = b"", body_format: int = 1) -> None:
        plain = body or json.dumps({"c2s": c2s}).encode()
        cipher = self.rsa if protocol == 1001 else self.aes
        sent = cipher.encrypt(plain) if cipher else plain
        self.serial += 1
        digest = hashlib.sha1(plain).digest()
        header = HEADER.pack(b"FT", protocol, body_format, 0, self.serial, len(sent), digest, bytes(8))
        self.socket.sendall(header + sent)

    def receive(self) -> tuple[int, int, int, bytes]:
        """Protocol, serial, body format and plain body of the next packet."""
        magic, protocol, body_format, version, serial, length, digest, reserved = HEADER.unpack(self.exactly(44))
        assert (magic, version, reserved) == (b"FT", 0, bytes(8))
        sent = self.exactly(length)
        cipher = self.rsa if protocol == 1001 else self.aes
        plain = cipher.decrypt(sent) if cipher else sent
        assert hashlib.sha1(plain).digest() == digest
        return protocol, serial, body_format, plain

    def exactly(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            chunk = self.socket.recv(length - len(received))
            if not chunk:
                raise ConnectionError
            received += chunk
        return received

    def ask(self, protocol: int, c2s: dict[str, Any]) -> dict[str, Any]:
        self.send(protocol, c2s)
        answered, serial, body_format, body = self.receive()
        assert (answered, serial, body_format) == (protocol, self.serial, 1)
        envelope: dict[str, Any] = json.loads(body)
        return envelope

    def short_volume(self, code: str = "00700", market: int = 1, **more: object) -> dict[str, Any]:
        return self.ask(3248, {"security": {"market": market, "code": code}, **more})

    def is_hung_up_on(self) -> bool:
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


Connect = Callable[..., Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connects clients, and hangs up for them."""
    with ExitStack() as connected:

        def client(port: int, *, handshake: bool = True) -> Client:
            made = Client(port, handshake=handshake)
            connected.enter_context(made.socket)
            return made

        yield client


@pytest.fixture
def gateway() -> OpenDGateway:
    return OpenDGateway(AS_OF)


@pytest.fixture
def port(gateway: OpenDGateway) -> Iterator[int]:
    with serving(gateway) as listening:
        yield listening


@pytest.fixture
def client(port: int, connect: Connect) -> Client:
    return connect(port)


class TestUpkeep:
    def test_the_handshake_returns_what_a_client_needs(self, client: Client) -> None:
        content = client.handshake["s2c"]
        assert content["serverVer"] == 1011
        assert content["keepAliveInterval"] == 10
        assert len(content["connAESKey"]) == len(content["aesCBCiv"]) == 16
        assert isinstance(content["connID"], str)

    def test_its_state_is_ready_and_says_that_it_is_a_sandbox(self, client: Client) -> None:
        content = client.ask(1002, {"userID": "0"})["s2c"]
        assert content["qotLogined"] is True
        assert content["programStatus"] == {"type": 10, "strExtDesc": "mcp-shortvol sandbox"}

    def test_logged_out_it_says_so_and_answers_no_question(self, gateway: OpenDGateway, client: Client) -> None:
        gateway.logged_in = False
        assert client.ask(1002, {})["s2c"]["qotLogined"] is False
        assert client.short_volume()["retType"] == -1

    def test_keep_alive_returns_the_time(self, client: Client) -> None:
        assert client.ask(1004, {"time": 1})["s2c"]["time"].isdecimal()

    def test_an_unknown_protocol_is_refused(self, client: Client) -> None:
        assert client.ask(3999, {})["retType"] == -1

    def test_without_a_handshake_it_disconnects(self, connect: Connect, port: int) -> None:
        stranger = connect(port, handshake=False)
        stranger.send(1002, {})
        assert stranger.is_hung_up_on()

    @pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100, b"FT" + b"\xff" * 60])
    def test_on_garbage_it_hangs_up_and_serves_the_next_client(
        self, connect: Connect, port: int, garbage: bytes
    ) -> None:
        stranger = connect(port, handshake=False)
        stranger.socket.sendall(garbage)
        assert stranger.is_hung_up_on()
        assert connect(port).short_volume()["retType"] == 0

    def test_it_remembers_what_it_was_asked(self, gateway: OpenDGateway, client: Client) -> None:
        client.short_volume(num=7)
        asked = [(request.protocol, request.connection) for request in gateway.requests]
        assert asked == [(1001, 1), (3248, 1)]
        assert gateway.requests[1].c2s == {"security": {"market": 1, "code": "00700"}, "num": 7}

    def test_a_port_that_is_taken_is_told(self, port: int, gateway: OpenDGateway) -> None:
        service = OpenDService(gateway, port)
        with start_blocking_portal() as portal, pytest.raises(NotConfigured, match="--opend-port"):
            portal.call(service.start)

    def test_a_key_file_that_is_none_is_told(self, gateway: OpenDGateway, tmp_path: Path) -> None:
        service = OpenDService(gateway, rsa_key_file=tmp_path / "absent.pem")
        with start_blocking_portal() as portal, pytest.raises(NotConfigured, match="RSA key"):
            portal.call(service.start)


class TestShortVolume:
    def test_the_published_rows_are_its_newest(self, client: Client) -> None:
        content = client.short_volume()["s2c"]
        assert content["hkItemList"][0] == {
            "timestamp": "1778169600",
            "timestampStr": "2026-05-08",
            "sharesTraded": "25207039",
            "turnover": 11871680730.68,
            "shortSellSharesTraded": "2464300",
            "shortSellTurnover": 1161032040.0,
            "openPrice": 475.0,
            "closePrice": 471.4,
            "lastClosePrice": 477.4,
            "dailyTradeAvgRatio": 11.36,
        }
        oldest_first = content["hkItemList"][::-1]
        closes = [495.2, 493.4, 478.6, 473.8, 479.2, 467.8, 473.0, 472.2, 463.0, 477.4]
        averages = [14.18, 14.14, 14.13, 14.02, 13.09, 13.02, 12.76, 12.22, 11.80, 11.36]
        assert [row["lastClosePrice"] for row in oldest_first] == closes
        assert [row["dailyTradeAvgRatio"] for row in oldest_first] == averages
        assert (content["aggregatedShort"], content["aggregatedShortRatio"]) == ("51480638", 0.56)
        assert content["newTimeStr"] == "30/04/2026"
        assert content["nextKey"] == oldest_first[0]["timestamp"]

    def test_the_golden_answers_rows_are_its_own(self, client: Client) -> None:
        packet = bytes.fromhex((GOLDEN / "opend_json" / "006_s2c_3248_json.hex").read_text())
        assert client.short_volume()["s2c"]["hkItemList"] == json.loads(packet[44:])["s2c"]["hkItemList"]

    def test_us_rows_are_the_published_ones_and_have_no_position(self, connect: Connect) -> None:
        with serving(OpenDGateway(date(2026, 8, 28))) as port:
            content = connect(port).short_volume("AAPL", 11, num=2)["s2c"]
        packet = bytes.fromhex((GOLDEN / "opend_json" / "014_s2c_3248_json.hex").read_text())
        assert content == json.loads(packet[44:])["s2c"]

    @pytest.mark.parametrize("size", [1, 7, 50])
    def test_pages_lead_through_the_whole_history_without_loss_or_repetition(
        self, gateway: OpenDGateway, client: Client, size: int
    ) -> None:
        gateway.limited = False
        received: list[str] = []
        key: dict[str, str] = {}
        while key.get("nextKey") != "-1":
            content = client.short_volume("FIG", 11, num=size, **key)["s2c"]
            assert len(content["usItemList"]) <= size
            received += [row["timestampStr"] for row in content["usItemList"]]
            key = {"nextKey": content["nextKey"]}
        assert received == [row["timestampStr"] for row in rows(Symbol("FIG", Market.US), AS_OF)]

    def test_a_page_has_ten_rows_unless_asked_otherwise(self, client: Client) -> None:
        assert len(client.short_volume()["s2c"]["hkItemList"]) == 10

    @pytest.mark.parametrize(
        "bad", [{"num": 0}, {"num": 51}, {"num": "x"}, {"nextKey": "-1"}, {"nextKey": "?"}, {"nextKey": 7}]
    )
    def test_what_makes_no_sense_is_refused(self, client: Client, bad: dict[str, object]) -> None:
        assert client.short_volume(**bad)["retType"] == -1

    @pytest.mark.parametrize(("code", "market"), [("700", 1), ("NONE1", 1), ("00700", 11), ("AAPL", 1), ("AAPL", 99)])
    def test_an_unknown_code_is_refused_in_chinese(self, client: Client, code: str, market: int) -> None:
        answer = client.short_volume(code, market)
        assert answer == {"retType": -1, "retMsg": f"未知股票 {code}", "errCode": 0}

    def test_other_names_are_plausible(self) -> None:
        for symbol in listings():
            received = rows(symbol, AS_OF)
            for newer, older in pairwise(received[:100]):
                assert newer["lastClosePrice"] == older["closePrice"]
            assert all(5 <= float(row["dailyTradeAvgRatio"]) <= 25 for row in received[:100])
            weekly = position(symbol, AS_OF)
            assert (weekly is None) == (symbol.market is Market.US)
            if weekly:
                assert weekly.date == date(2026, 4, 30)
                assert 0 < weekly.pct < 5

    def test_positions_change_once_a_week_and_by_little(self) -> None:
        received = [position(TENCENT, date(2026, 5, day)) for day in range(1, 31)]
        weekly = {known.date: known for known in received if known}
        # At first that of 17 April; then those published on 4 (1 May is a holiday), 7, 15, 22 and 29 May.
        assert len(weekly) == 6
        assert all(0.4 < known.pct < 0.65 for known in weekly.values())


class TestLimit:
    def test_the_thirty_first_request_in_thirty_seconds_is_refused_for_every_client(
        self, connect: Connect, gateway: OpenDGateway, client: Client, port: int
    ) -> None:
        other = connect(port)
        for _ in range(15):
            assert client.short_volume(num=1)["retType"] == 0
            assert other.short_volume(num=1)["retType"] == 0
        assert "每30秒最多30次" in client.short_volume(num=1)["retMsg"]
        assert other.ask(1004, {})["retType"] == 0
        gateway.limited = False
        assert other.short_volume(num=1)["retType"] == 0


class TestCiphers:
    def test_with_a_key_greeting_and_questions_are_encrypted(self, connect: Connect, gateway: OpenDGateway) -> None:
        with serving(gateway, rsa_key_file=KEY_FILE) as port:
            client = connect(port, handshake=False)
            client.rsa = RsaCipher(KEY_FILE.read_bytes())
            content = client.ask(1001, {"clientVer": 300, "packetEncAlgo": 2})["s2c"]
            client.aes = AesCbcCipher(content["connAESKey"].encode(), content["aesCBCiv"].encode())
            assert client.short_volume()["s2c"]["newTimeStr"] == "30/04/2026"

    def test_with_a_key_a_client_may_ask_for_plain_text_after_the_greeting(
        self, connect: Connect, gateway: OpenDGateway
    ) -> None:
        with serving(gateway, rsa_key_file=KEY_FILE) as port:
            client = connect(port, handshake=False)
            client.rsa = RsaCipher(KEY_FILE.read_bytes())
            client.ask(1001, {"clientVer": 300, "packetEncAlgo": -1})
            assert client.short_volume()["retType"] == 0

    @pytest.mark.parametrize("encrypted", [True, False])
    def test_who_does_not_share_the_key_is_hung_up_on(
        self, connect: Connect, gateway: OpenDGateway, encrypted: bool
    ) -> None:
        with serving(gateway, rsa_key_file=None if encrypted else KEY_FILE) as port:
            client = connect(port, handshake=False)
            client.rsa = RsaCipher(KEY_FILE.read_bytes()) if encrypted else None
            client.send(1001, {"clientVer": 300})
            assert client.is_hung_up_on()


class TestProtobuf:
    GREETING = b"\x0a\x0f\x08\xac\x02\x12\x01t\x20" + b"\xff" * 9 + b"\x01"
    TENCENT = b"\x0a\x0d\x0a\x09\x08\x01\x12\x0500700\x18\x01"

    def test_questions_in_protobuf_are_answered_in_protobuf(
        self, connect: Connect, gateway: OpenDGateway, port: int
    ) -> None:
        client = connect(port, handshake=False)
        client.send(1001, {}, b"\x0a" + bytes([len(self.GREETING) - 2]) + self.GREETING[2:], 0)
        assert client.receive()[2] == 0
        client.send(3248, {}, b"\x0a\x0d" + self.TENCENT[2:], 0)
        protocol, _, body_format, body = client.receive()
        assert (protocol, body_format) == (3248, 0)
        assert gateway.requests[0].c2s == {"clientVer": 300, "clientID": "t", "packetEncAlgo": -1}
        assert gateway.requests[1].c2s == {"security": {"market": 1, "code": "00700"}, "num": 1}
        assert struct.pack("<d", 11871680730.68) in body
        assert b"\x12\x0a2026-05-08" in body
        assert b"\x1a\x0a1778169600" in body

    def test_damaged_protobuf_ends_the_connection(self, connect: Connect, port: int) -> None:
        client = connect(port, handshake=False)
        client.send(1001, {}, b"\x0a\x7f\x08", 0)
        assert client.is_hung_up_on()


class TestFaults:
    def test_one_that_is_not_known_is_told(self, gateway: OpenDGateway) -> None:
        with pytest.raises(InvalidRequest, match="colliding_pushes"):
            gateway.fail("nonsense")

    def test_it_applies_as_often_as_given_and_to_its_protocol_only(self, gateway: OpenDGateway, client: Client) -> None:
        gateway.fail("no_right", times=2)
        assert client.ask(1004, {})["retType"] == 0
        assert [client.short_volume()["retType"] for _ in range(3)] == [-1, -1, 0]

    def test_it_can_apply_to_keep_alive_and_be_cleared(self, gateway: OpenDGateway, client: Client) -> None:
        gateway.fail("refused_silently", on=1004)
        assert client.ask(1004, {})["retType"] == -1
        gateway.faults.clear()
        assert client.ask(1004, {})["retType"] == 0

    def test_pushes_collide_with_the_serial_waited_for(self, gateway: OpenDGateway, client: Client) -> None:
        gateway.fail("colliding_pushes")
        client.send(3248, {"security": {"market": 1, "code": "00700"}})
        seen = [client.receive()[:2] for _ in range(16)]
        assert {serial for _, serial in seen} == {client.serial}
        assert [protocol for protocol, _ in seen][-1] == 3248

    def test_silence_on_one_question_leaves_the_others_answered(self, gateway: OpenDGateway, client: Client) -> None:
        gateway.fail("silence", times=1)
        client.send(3248, {"security": {"market": 1, "code": "00700"}})
        assert client.ask(1004, {})["retType"] == 0

    @pytest.mark.parametrize("fault", ["reset_before", "reset_inside", "dropped_before", "dropped_inside", "garbage"])
    def test_some_end_the_connection(self, gateway: OpenDGateway, client: Client, fault: str) -> None:
        gateway.fail(fault)
        client.send(3248, {"security": {"market": 1, "code": "00700"}})
        client.socket.settimeout(2)
        try:
            while client.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        assert client.is_hung_up_on()
