"""What is measured, by tool and source, without a symbol or a secret; and nothing unless it is asked for."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from mcp_shortvol import telemetry
from mcp_shortvol.sandbox.http import HttpServer, Request, Response
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings
from tests.serving.served import COMMAND, question, serving

Points = dict[str, list[tuple[dict[str, Any], Any]]]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    """Telemetry switched on, and read in this process."""
    read = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[read], shutdown_on_exit=False)
    monkeypatch.setattr("opentelemetry.metrics.get_meter", provider.get_meter)
    monkeypatch.setattr(telemetry, "_on", True)
    telemetry._histogram.cache_clear()
    telemetry._counter.cache_clear()
    yield read
    telemetry._histogram.cache_clear()
    telemetry._counter.cache_clear()
    provider.shutdown()


def points(reader: InMemoryMetricReader) -> Points:
    found: Points = {}
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                found[metric.name] = [
                    (dict(point.attributes or {}), getattr(point, "count", None) or point.value)  # type: ignore[union-attr]
                    for point in metric.data.data_points
                ]
    return found


@pytest.mark.anyio
async def test_calls_answers_and_requests_are_counted_by_tool_and_source(
    reader: InMemoryMetricReader, gateway: LongbridgeGateway, environment: dict[str, str], tmp_path: Path
) -> None:
    settings = load_settings(SHORTVOL_STORE=str(tmp_path / "days"))
    async with Client(build_server(settings)) as client:
        for _ in range(2):
            await client.call_tool("get_short_trades", {"symbol": "700.HK", "count": 3})
        await client.call_tool("get_short_trades", {"symbol": "nonsense!"})
        gateway.fail("error_500", times=1)
        await client.call_tool("get_short_trades", {"symbol": "5.HK", "count": 2})
    found = points(reader)
    tool = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "get_short_trades"}
    assert found["mcp.server.operation.duration"] == [
        (tool, 3),
        ({**tool, "error.type": "tool_error", "shortvol.error": "InvalidSymbol"}, 1),
    ]
    source = {"gen_ai.tool.name": "get_short_trades", "source": "sandbox:longbridge"}
    assert found["shortvol.answers"] == [({**source, "complete": True}, 3)]
    assert found["shortvol.answer.size"] == [(source, 3)]
    assert sum(count for _, count in found["shortvol.upstream.duration"]) >= 3
    assert {point["upstream"] for point, _ in found["shortvol.upstream.duration"]} == {"Longbridge"}
    assert sum(count for _, count in found["shortvol.upstream.retries"]) == 1
    cache = {point["result"]: count for point, count in found["shortvol.cache"] if point["source"] == "longbridge"}
    assert cache["hit"] >= 1
    assert cache["miss"] >= 2
    assert "700" not in json.dumps(found)


def test_off_it_costs_no_import_and_counts_nothing(gateway: LongbridgeGateway, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [COMMAND, "query", "700.HK", "--count", "1"],
        env=environment | {"PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "opentelemetry.sdk" not in done.stderr
    assert "opentelemetry.metrics" not in done.stderr


class Collector:
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        self.metrics: set[str] = set()
        self.spans: set[str] = set()
        self.text = b""

    def __call__(self, request: Request) -> Response:
        self.text += request.body
        if request.path == "/v1/metrics":
            sent = ExportMetricsServiceRequest.FromString(request.body)
            self.metrics |= {
                metric.name
                for each in sent.resource_metrics
                for scope in each.scope_metrics
                for metric in scope.metrics
            }
        else:
            traces = ExportTraceServiceRequest.FromString(request.body)
            self.spans |= {
                span.name for each in traces.resource_spans for scope in each.scope_spans for span in scope.spans
            }
        return Response(200, b"", {"content-type": "application/x-protobuf"})


def test_a_collector_gets_metrics_and_spans_by_the_usual_variables(tmp_path: Path) -> None:
    collector = Collector()
    with start_blocking_portal() as portal:
        server = HttpServer(collector)
        port = portal.call(server.start)
        with serving(
            tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
            OTEL_EXPORTER_OTLP_COMPRESSION="none",
            SHORTVOL_HTTP_CALLER_RATE="2/60",
        ) as running:
            statuses = [
                running.post(question("get_short_trades", symbol="700.HK", count=2)).status_code for _ in range(3)
            ]
            assert statuses == [200, 200, 429]
            assert running.stop() == 0
        portal.call(server.stop)
    assert {
        "mcp.server.operation.duration",
        "shortvol.upstream.duration",
        "shortvol.http.refusals",
    } <= collector.metrics
    assert {"tools/call get_short_trades", "request to Longbridge"} <= collector.spans
    assert b"700.HK" not in collector.text


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, "OTEL_METRICS_EXPORTER names an exporter that is not known here"),
        ({"OTEL_METRICS_EXPORTER": "otlp", "SHORTVOL_TIMEOUT": "x"}, "SHORTVOL_TIMEOUT"),
    ],
)
def test_what_cannot_be_exported_is_said_at_the_start(variables: dict[str, str], said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND, "serve"],
        env={"PATH": "", "HOME": str(tmp_path), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert [done.returncode, said in done.stderr] == [3, True]


@pytest.mark.parametrize(
    "disabled", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_METRICS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "none"}]
)
def test_it_can_be_switched_off(disabled: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for name, value in disabled.items():
        monkeypatch.setenv(name, value)
    assert telemetry.configure("1") is False


def test_a_cancelled_call_is_an_error_of_its_kind(reader: InMemoryMetricReader) -> None:
    async def cancelled() -> None:
        with anyio.move_on_after(0):
            with telemetry.operation("tool"):
                await anyio.sleep(1)

    anyio.run(cancelled)
    ((attributes, count),) = points(reader)["mcp.server.operation.duration"]
    assert [attributes["shortvol.error"], count] == ["CancelledError", 1]
