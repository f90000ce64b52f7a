"""One connection serves every call, survives what networks do, and leaves nothing behind."""

import asyncio
import contextvars
import gc
import json
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from mcp_shortvol.domain.errors import (
    NotConfigured,
    RateLimited,
    SetupError,
    ShortVolumeError,
    UpstreamChanged,
    UpstreamUnreachable,
)
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sources.opend import OpenD
from mcp_shortvol.sources.opend.failures import Reason, Refusal, Window, refusal_of
from mcp_shortvol.sources.opend.frame import Frame
from mcp_shortvol.sources.opend.messages import PUSHES, Json, Protocol
from mcp_shortvol.sources.opend.wording import Wording
from tests.sources.opend.fake_opend import GOLDEN, FakeOpenD, Peer, ok, opend_at, played, refused

pytestmark = pytest.mark.anyio

ASK = Protocol.GET_DAILY_SHORT_VOLUME


async def echo(peer: Peer, frame: Frame, content: Json) -> None:
    await peer.answer(frame, ok(content))


async def silence(peer: Peer, frame: Frame, content: Json) -> None:
    pass


async def failure(fake: FakeOpenD, *, seconds: float = 2.0) -> ShortVolumeError:
    async with opend_at(fake, seconds=seconds) as opend:
        with pytest.raises(ShortVolumeError) as caught:
            await opend.call(ASK, {})
    return caught.value


class TestSharing:
    async def test_nothing_is_connected_before_the_first_call(self, fake: FakeOpenD) -> None:
        async with opend_at(fake):
            await anyio.sleep(0.01)
        assert fake.connections == 0

    async def test_sixteen_concurrent_calls_share_the_connection_and_get_their_own_answers(
        self, fake: FakeOpenD
    ) -> None:
        async def slower_first(peer: Peer, frame: Frame, content: Json) -> None:
            await anyio.sleep(0.02 - 0.001 * int(str(content["number"])))
            await peer.answer(frame, ok(content))

        fake.scripts[ASK] = slower_first
        answers: dict[int, object] = {}
        async with opend_at(fake) as opend, anyio.create_task_group() as callers:

            async def caller(number: int) -> None:
                answers[number] = (await opend.call(ASK, {"number": number})).content["number"]

            for number in range(16):
                callers.start_soon(caller, number)
        assert answers == {number: number for number in range(16)}
        assert fake.connections == 1

    async def test_a_thousand_calls_leave_one_connection_and_no_task(self, fake: FakeOpenD) -> None:
        fake.scripts[ASK] = echo
        async with opend_at(fake) as opend:
            await opend.call(ASK, {})
            tasks = len(asyncio.all_tasks())
            for _ in range(1000):
                await opend.call(ASK, {})
            assert len(asyncio.all_tasks()) == tasks
            assert (fake.connections, fake.open_connections) == (1, 1)
        await anyio.sleep(0.01)
        assert fake.open_connections == 0

    async def test_closing_ends_every_task(self, fake: FakeOpenD) -> None:
        fake.scripts[ASK] = echo
        async with anyio.create_task_group() as tasks:
            opend = OpenD(tasks, "127.0.0.1", fake.port)
            await opend.call(ASK, {})
            await opend.aclose()
            assert not any("Link" in repr(task) for task in asyncio.all_tasks())

    async def test_closing_while_it_opens_ends_that_too(self, fake: FakeOpenD) -> None:
        fake.scripts[Protocol.INIT_CONNECT] = silence

        async def call() -> None:
            with pytest.raises(ShortVolumeError):
                await opend.call(ASK, {})

        async with anyio.create_task_group() as tasks, anyio.create_task_group() as callers:
            opend = OpenD(tasks, "127.0.0.1", fake.port)
            callers.start_soon(call)
            await anyio.sleep(0.02)
            began = time.monotonic()
            await opend.aclose()
        assert time.monotonic() - began < 0.5

    async def test_calls_under_way_fail_when_it_is_closed(self, fake: FakeOpenD) -> None:
        fake.scripts[ASK] = silence

        async def call() -> None:
            with pytest.raises(UpstreamUnreachable, match="closed for good"):
                await opend.call(ASK, {})

        async with opend_at(fake) as opend, anyio.create_task_group() as callers:
            callers.start_soon(call)
            await anyio.sleep(0.02)
            await opend.aclose()

    async def test_a_call_after_the_end_says_so(self, fake: FakeOpenD) -> None:
        async with opend_at(fake) as opend:
            pass
        with pytest.raises(UpstreamUnreachable, match="closed for good"):
            await opend.call(ASK, {})

    async def test_the_reader_does_not_keep_alive_what_belongs_to_the_first_call(self, fake: FakeOpenD) -> None:
        fake.scripts[ASK] = echo
        request = contextvars.ContextVar[Request]("request")
        kept: list[weakref.ref[Request]] = []

        async def first_call() -> None:
            request.set(Request())
            kept.append(weakref.ref(request.get()))
            await opend.call(ASK, {})

        async with opend_at(fake) as opend:
            async with anyio.create_task_group() as callers:
                callers.start_soon(first_call)
            gc.collect()
            assert kept[0]() is None


class Request:
    """Something a tool call holds on to."""


class TestCancelling:
    async def test_a_cancelled_call_leaves_the_connection_usable_and_its_late_answer_is_dropped(
        self, fake: FakeOpenD
    ) -> None:
        async def late(peer: Peer, frame: Frame, content: Json) -> None:
            await anyio.sleep(content["delay"])  # type: ignore[arg-type]
            await peer.answer(frame, ok(content))

        fake.scripts[ASK] = late
        async with opend_at(fake) as opend:
            with anyio.move_on_after(0.02):
                await opend.call(ASK, {"delay": 0.04})
            answer = await opend.call(ASK, {"delay": 0.06})
        assert answer.content == {"delay": 0.06}
        assert fake.connections == 1

    async def test_the_caller_who_opens_may_be_cancelled_while_others_wait(self, fake: FakeOpenD) -> None:
        greet = fake.scripts[Protocol.INIT_CONNECT]

        async def slowly(peer: Peer, frame: Frame, content: Json) -> None:
            await anyio.sleep(0.05)
            await greet(peer, frame, content)

        fake.scripts |= {Protocol.INIT_CONNECT: slowly, ASK: echo}
        async with opend_at(fake) as opend, anyio.create_task_group() as callers:
            callers.start_soon(opend.call, ASK, {})
            await anyio.sleep(0.02)
            opening = callers.cancel_scope

            async with anyio.create_task_group() as others:

                async def other() -> None:
                    with anyio.CancelScope(shield=True):
                        assert (await opend.call(ASK, {"n": 1})).content == {"n": 1}

                others.start_soon(other)
                await anyio.sleep(0.01)
                opening.cancel()
        assert fake.open_connections <= 1


class TestWire:
    @pytest.mark.parametrize("push", sorted(PUSHES))
    async def test_a_push_with_the_serial_waited_for_is_not_the_answer(self, fake: FakeOpenD, push: int) -> None:
        async def pushing(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.push(push, frame.serial)
            await peer.answer(frame, ok(content))

        fake.scripts[ASK] = pushing
        async with opend_at(fake) as opend:
            assert (await opend.call(ASK, {"n": 1})).content == {"n": 1}

    async def test_answers_may_come_byte_by_byte(self, fake: FakeOpenD) -> None:
        async def in_drops(peer: Peer, frame: Frame, content: Json) -> None:
            for byte in Frame.of(frame.protocol, frame.serial, ok(content)).encode():
                await peer.send(bytes([byte]))

        fake.scripts[ASK] = in_drops
        async with opend_at(fake) as opend:
            assert (await opend.call(ASK, {"n": 1})).content == {"n": 1}

    async def test_requests_ask_for_json_without_encryption_and_their_serials_increase(self, fake: FakeOpenD) -> None:
        serials = []

        async def count(peer: Peer, frame: Frame, content: Json) -> None:
            serials.append(frame.serial)
            await peer.answer(frame, ok(content))

        fake.scripts[ASK] = count
        async with opend_at(fake) as opend:
            for _ in range(3):
                await opend.call(ASK, {})
        assert serials == sorted(set(serials))
        assert fake.asked[0][0] == Protocol.INIT_CONNECT
        assert fake.asked[0][1]["packetEncAlgo"] == -1
        assert fake.asked[0][1]["clientVer"] == 300

    async def test_it_is_kept_alive_at_four_fifths_of_the_interval(self, fake: FakeOpenD) -> None:
        fake.greeting["keepAliveInterval"] = 0.1
        fake.scripts[ASK] = echo
        async with opend_at(fake) as opend:
            await opend.call(ASK, {})
            await anyio.sleep(0.2)
        assert len(fake.asked_of(Protocol.KEEP_ALIVE)) == 2

    async def test_a_connection_that_answers_no_keep_alive_is_given_up(self, fake: FakeOpenD) -> None:
        fake.greeting["keepAliveInterval"] = 0.1
        fake.scripts |= {ASK: echo, Protocol.KEEP_ALIVE: silence}
        async with opend_at(fake, seconds=0.05) as opend:
            await opend.call(ASK, {})
            await anyio.sleep(0.2)
            assert fake.open_connections == 0
            await opend.call(ASK, {})
        assert fake.connections == 2


class TestDrops:
    async def test_a_connection_dropped_between_calls_is_reopened(self, fake: FakeOpenD) -> None:
        async def once(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.answer(frame, ok(content))
            await peer.hang_up()

        fake.scripts[ASK] = once
        async with opend_at(fake) as opend:
            for _ in range(3):
                await opend.call(ASK, {})
                await anyio.sleep(0.01)
        assert fake.connections == 3
        assert len(fake.asked_of(ASK)) == 3

    @pytest.mark.parametrize("part", [0, 20, 44, 50])
    async def test_a_call_dropped_within_its_answer_is_repeated(self, fake: FakeOpenD, part: int) -> None:
        async def first_time_in_part(peer: Peer, frame: Frame, content: Json) -> None:
            packet = Frame.of(frame.protocol, frame.serial, ok(content)).encode()
            first = len(fake.asked_of(ASK)) == 1
            await peer.send(packet[:part] if first else packet)
            if first:
                await peer.hang_up()

        fake.scripts[ASK] = first_time_in_part
        async with opend_at(fake) as opend:
            assert (await opend.call(ASK, {"n": 1})).content == {"n": 1}
        assert fake.connections == 2

    async def test_all_calls_under_way_are_repeated_over_one_new_connection(self, fake: FakeOpenD) -> None:
        async def drop_first_connection(peer: Peer, frame: Frame, content: Json) -> None:
            if fake.connections > 1:
                await peer.answer(frame, ok(content))
            elif len(fake.asked_of(ASK)) == 8:
                await peer.hang_up()

        fake.scripts[ASK] = drop_first_connection
        async with opend_at(fake) as opend, anyio.create_task_group() as callers:
            for number in range(8):
                callers.start_soon(opend.call, ASK, {"number": number})
        assert fake.connections == 2
        assert sorted(str(content["number"]) for content in fake.asked_of(ASK)[8:]) == [str(n) for n in range(8)]

    async def test_a_call_dropped_twice_fails(self, fake: FakeOpenD) -> None:
        async def hang_up(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.hang_up()

        fake.scripts[ASK] = hang_up
        error = await failure(fake)
        assert isinstance(error, UpstreamUnreachable)
        assert "closed the connection before it answered" in str(error)
        assert fake.connections == 2

    async def test_every_repetition_waits_for_the_quota_again(self, fake: FakeOpenD) -> None:
        async def hang_up_first(peer: Peer, frame: Frame, content: Json) -> None:
            if fake.connections == 1:
                await peer.hang_up()
            else:
                await peer.answer(frame, ok(content))

        entered = 0

        @asynccontextmanager
        async def slot() -> AsyncIterator[None]:
            nonlocal entered
            entered += 1
            await anyio.sleep(0.06)
            yield

        fake.scripts[ASK] = hang_up_first
        async with opend_at(fake, seconds=0.1) as opend:
            await opend.call(ASK, {}, slot=slot)
        assert entered == 2


class TestDamage:
    async def test_a_wrong_sha1_is_repeated_over_a_new_connection_then_an_error(self, fake: FakeOpenD) -> None:
        async def damaged(peer: Peer, frame: Frame, content: Json) -> None:
            good = Frame.of(frame.protocol, frame.serial, ok(content))
            await peer.send(Frame(good.protocol, good.serial, good.body_format, good.body, bytes(20)).encode())

        fake.scripts[ASK] = damaged
        error = await failure(fake)
        assert isinstance(error, UpstreamChanged)
        assert fake.connections == 2

    @pytest.mark.parametrize(
        "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", Frame.of(ASK, 1, b"").encode()[:12] + b"\xff" * 32]
    )
    async def test_garbage_in_the_stream_is_repeated_over_a_new_connection(
        self, fake: FakeOpenD, garbage: bytes
    ) -> None:
        async def garbage_first(peer: Peer, frame: Frame, content: Json) -> None:
            if fake.connections == 1:
                await peer.send(garbage)
            else:
                await peer.answer(frame, ok(content))

        fake.scripts[ASK] = garbage_first
        async with opend_at(fake) as opend:
            assert (await opend.call(ASK, {"n": 1})).content == {"n": 1}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"retType":0,"s2c":[]}',
            b'{"retType":"x"}',
            b'{"retType":true}',
            b'{"retType":0,"s2c":' + b"9" * 5000 + b"}",
        ],
    )
    async def test_an_answer_in_another_form_is_told_as_such(self, fake: FakeOpenD, body: bytes) -> None:
        async def other(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.answer(frame, body)

        fake.scripts[ASK] = other
        assert isinstance(await failure(fake), UpstreamChanged)

    async def test_a_protobuf_answer_is_told_as_such(self, fake: FakeOpenD) -> None:
        async def protobuf(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.send(Frame.of(frame.protocol, frame.serial, b"\x08\x00", body_format=0).encode())

        fake.scripts[ASK] = protobuf
        assert isinstance(await failure(fake), UpstreamChanged)


class TestSilence:
    async def test_a_call_without_answer_ends_in_time(self, fake: FakeOpenD) -> None:
        fake.scripts[ASK] = silence
        error = await failure(fake, seconds=0.05)
        assert isinstance(error, UpstreamUnreachable)
        assert "did not answer within 0.05 s" in str(error)
        assert len(fake.asked_of(ASK)) == 2

    async def test_one_that_stays_without_answer_once_is_asked_again(self, fake: FakeOpenD) -> None:
        async def after_the_first(peer: Peer, frame: Frame, content: Json) -> None:
            if len(fake.asked_of(ASK)) > 1:
                await peer.answer(frame, ok(content))

        fake.scripts[ASK] = after_the_first
        async with opend_at(fake, seconds=0.05) as opend:
            await opend.call(ASK, {})

    async def test_a_wrong_serial_is_no_answer(self, fake: FakeOpenD) -> None:
        async def wrong(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.send(Frame.of(frame.protocol, frame.serial + 1, ok(content)).encode())

        fake.scripts[ASK] = wrong
        assert isinstance(await failure(fake, seconds=0.05), UpstreamUnreachable)

    async def test_a_storm_of_pushes_does_not_postpone_the_time_out(self, fake: FakeOpenD) -> None:
        async def storm(peer: Peer, frame: Frame, content: Json) -> None:
            while True:
                await peer.push(3005, frame.serial)

        fake.scripts[ASK] = storm
        began = time.monotonic()
        assert isinstance(await failure(fake, seconds=0.1), UpstreamUnreachable)
        assert time.monotonic() - began < 1

    async def test_a_silent_connection_is_not_used_again(self, fake: FakeOpenD) -> None:
        async def after_the_first(peer: Peer, frame: Frame, content: Json) -> None:
            if fake.connections > 1:
                await peer.answer(frame, ok(content))

        fake.scripts[ASK] = after_the_first
        async with opend_at(fake, seconds=0.05) as opend:
            await opend.call(ASK, {})
        assert fake.connections == 2

    async def test_half_a_frame_is_no_answer(self, fake: FakeOpenD) -> None:
        async def half(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.send(Frame.of(frame.protocol, frame.serial, ok(content)).encode()[:30])

        fake.scripts[ASK] = half
        assert isinstance(await failure(fake, seconds=0.05), UpstreamUnreachable)


class TestGreeting:
    async def test_an_absent_opend_is_told_in_well_under_a_second_with_the_next_step(self) -> None:
        async with played(FakeOpenD()) as gone:
            pass
        began = time.monotonic()
        error = await failure(gone)
        assert time.monotonic() - began < 0.5
        assert isinstance(error, UpstreamUnreachable)
        assert f"No OpenD answers at 127.0.0.1:{gone.port}." in str(error)
        assert "FUTU_OPEND_HOST" in error.next_step
        assert "Start OpenD" in error.next_step

    async def test_a_host_that_does_not_exist_is_told(self) -> None:
        async with anyio.create_task_group() as tasks:
            opend = OpenD(tasks, "no-such-host.invalid", 11111, timeout=2)
            with pytest.raises(UpstreamUnreachable, match="FUTU_OPEND_HOST"):
                await opend.state()

    @pytest.mark.parametrize(
        ("status", "step"), [(10, "Log in"), (2, "starting up"), (4, "phone verification"), (11, "logged in elsewhere")]
    )
    async def test_a_logged_out_opend_says_what_it_waits_for(self, fake: FakeOpenD, status: int, step: str) -> None:
        fake.logged_in = False
        fake.program_status = {"type": status}
        error = await failure(fake)
        assert isinstance(error, SetupError)
        assert "not logged in" in error.what
        assert step in error.next_step

    async def test_logging_in_is_noticed_by_the_next_call(self, fake: FakeOpenD) -> None:
        fake.logged_in = False
        fake.scripts[ASK] = echo
        async with opend_at(fake) as opend:
            with pytest.raises(SetupError):
                await opend.call(ASK, {})
            fake.logged_in = True
            await opend.call(ASK, {})

    async def test_logging_out_is_noticed_by_the_call_it_fails(self, fake: FakeOpenD) -> None:
        async def log_out(peer: Peer, frame: Frame, content: Json) -> None:
            fake.logged_in = False
            await peer.answer(frame, refused("错误"))

        fake.scripts[ASK] = log_out
        error = await failure(fake)
        assert isinstance(error, SetupError)
        assert "not logged in" in str(error)

    async def test_a_ready_opend_says_so(self, fake: FakeOpenD) -> None:
        async with opend_at(fake) as opend:
            state = await opend.state()
        assert state.logged_in
        assert not state.sandbox

    async def test_the_sandbox_is_known_by_what_it_says_of_itself(self, fake: FakeOpenD) -> None:
        fake.program_status = {"type": 10, "strExtDesc": "mcp-shortvol sandbox"}
        fake.scripts[ASK] = echo
        async with opend_at(fake) as opend:
            assert (await opend.call(ASK, {})).sandbox
            assert (await opend.state()).sandbox

    async def test_what_is_not_an_opend_is_told(self, fake: FakeOpenD) -> None:
        async def http(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            await peer.hang_up()

        fake.scripts[Protocol.INIT_CONNECT] = http
        error = await failure(fake)
        assert isinstance(error, NotConfigured)
        assert "is not an OpenD" in str(error)

    @pytest.mark.parametrize("manner", ["hangs up", "is silent", "refuses", "answers in cipher"])
    async def test_an_opend_that_may_want_encryption_asks_for_the_key_file(self, fake: FakeOpenD, manner: str) -> None:
        async def greet(peer: Peer, frame: Frame, content: Json) -> None:
            match manner:
                case "hangs up":
                    await peer.hang_up()
                case "refuses":
                    await peer.answer(frame, refused("加密错误"))
                case "answers in cipher":
                    await peer.send(Frame(frame.protocol, frame.serial, 1, bytes(128), bytes(20)).encode())

        fake.scripts[Protocol.INIT_CONNECT] = greet
        error = await failure(fake, seconds=0.1)
        assert isinstance(error, NotConfigured)
        assert "FUTU_OPEND_RSA_KEY_FILE" in error.next_step

    async def test_a_key_file_that_cannot_be_used_is_told_without_its_content(
        self, fake: FakeOpenD, tmp_path: Path
    ) -> None:
        key = tmp_path / "key.pem"
        for content in (None, "PLANTED-SECRET"):
            if content:
                key.write_text(content)
            async with opend_at(fake, rsa_key_file=key) as opend:
                with pytest.raises(NotConfigured) as caught:
                    await opend.state()
            assert "FUTU_OPEND_RSA_KEY_FILE" in str(caught.value)
            assert "PLANTED" not in repr(caught.value)

    async def test_a_key_that_opend_does_not_share_is_told(self, fake: FakeOpenD) -> None:
        async def hang_up(stream: anyio.abc.SocketStream) -> None:
            await stream.receive()
            await stream.aclose()

        fake.serve = hang_up  # type: ignore[method-assign]
        key = GOLDEN / "opend_rsa_aes_cbc" / "rsa1024.pem"
        async with played(fake), opend_at(fake, rsa_key_file=key) as opend:
            with pytest.raises(NotConfigured, match="unset it if none"):
                await opend.state()


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "return_type", "reason"),
        [
            ("获取每日卖空频率太高，请求失败，每30秒最多30次。", -1, Reason.RATE_LIMIT),
            ("獲取每日賣空頻率太高，請求失敗，每30秒最多30次。", -1, Reason.RATE_LIMIT),
            ("Request frequency too high, failed: at most 30 times per 30 seconds.", -1, Reason.RATE_LIMIT),
            ("未知股票 NONE1", -1, Reason.UNKNOWN_SECURITY),
            ("Unknown stock NONE1", -1, Reason.UNKNOWN_SECURITY),
            ("行情权限不足", -1, Reason.NO_RIGHT),
            ("未知协议", -1, Reason.UNKNOWN_PROTOCOL),
            ("", -1, Reason.OTHER),
            ("", -400, Reason.OTHER),
            ("", -200, Reason.BACKEND_LOST),
        ],
    )
    async def test_a_refusal_is_known_by_its_text_in_any_language(
        self, fake: FakeOpenD, text: str, return_type: int, reason: Reason
    ) -> None:
        async def refuse(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.answer(frame, refused(text, return_type))

        fake.scripts[ASK] = refuse
        async with opend_at(fake) as opend:
            with pytest.raises(Refusal) as caught:
                await opend.call(ASK, {})
        assert caught.value.reason is reason
        assert len(fake.asked_of(ASK)) == 1

    @pytest.mark.parametrize(
        ("text", "window"),
        [
            ("获取每日卖空频率太高，请求失败，每5秒最多3次。", Window(3, 5)),
            ("获取每日卖空频率太高，请求失败，每30秒最多30次。", Window(30, 30)),
            ("Request frequency too high, failed: at most 30 times per 30 seconds.", Window(30, 30)),
            ("Request frequency is too high. Up to 3 requests every 5 seconds.", Window(3, 5)),
            ("Too many requests: every 10 seconds at most 6 times.", Window(6, 10)),
            ("频率太高", None),
            ("rate limit: 0 times per 0 seconds", None),
            ("rate limit: 3 times per 9999 seconds", None),
        ],
    )
    async def test_a_refusal_for_the_rate_carries_the_window_in_force(self, text: str, window: Window | None) -> None:
        refusal = refusal_of(-1, text)
        assert [refusal.reason, refusal.window] == [Reason.RATE_LIMIT, window]
        error = Wording("127.0.0.1:9").refused(refusal, ASK, Symbol("700", Market.HK))
        assert isinstance(error, RateLimited)
        assert error.retry_after == (window.seconds + 0.5 if window else None)

    async def test_an_answer_without_return_type_is_a_refusal(self, fake: FakeOpenD) -> None:
        async def bare(peer: Peer, frame: Frame, content: Json) -> None:
            await peer.answer(frame, json.dumps({"s2c": {}}).encode())

        fake.scripts[ASK] = bare
        async with opend_at(fake) as opend:
            with pytest.raises(Refusal):
                await opend.call(ASK, {})

    @pytest.mark.parametrize(("text", "return_type"), [("NN_ProtoRet_TimeOut", -1), ("", -100)])
    async def test_late_servers_of_futu_are_asked_once_more(self, fake: FakeOpenD, text: str, return_type: int) -> None:
        async def late_once(peer: Peer, frame: Frame, content: Json) -> None:
            late = len(fake.asked_of(ASK)) == 1
            await peer.answer(frame, refused(text, return_type) if late else ok(content))

        fake.scripts[ASK] = late_once
        async with opend_at(fake) as opend:
            assert (await opend.call(ASK, {"n": 1})).content == {"n": 1}
        assert fake.connections == 1

    @pytest.mark.parametrize("answers", [True, False])
    async def test_an_opend_that_does_not_know_the_protocol_is_to_be_updated(
        self, fake: FakeOpenD, answers: bool
    ) -> None:
        async def unknown(peer: Peer, frame: Frame, content: Json) -> None:
            if answers:
                await peer.answer(frame, refused("", -500))

        fake.greeting["serverVer"] = 1005
        fake.scripts[ASK] = unknown
        error = await failure(fake, seconds=0.1)
        assert isinstance(error, SetupError)
        assert "Update OpenD to 10.6" in error.next_step
