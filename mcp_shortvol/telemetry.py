"""Metrics and spans over OpenTelemetry: off, and free, unless the usual OTEL variables configure it.

    mcp.server.operation.duration   s    a call of a tool, by tool, and by kind of error
    shortvol.upstream.duration      s    a request to a vendor, by vendor, and by kind of error
    shortvol.upstream.wait          s    what a request waited for a rate limit before
    shortvol.upstream.retries            requests made again, by kind of error
    shortvol.cache                       questions by what kept rows answered: hit, partial, miss
    shortvol.answers                     answers by tool and source, complete or not
    shortvol.answer.size            By   an answer, text and JSON together
    shortvol.http.refusals               requests turned away over HTTP, by status

The SDK of MCP makes a span of each message; requests to vendors are spans inside it. No attribute holds a symbol, a
date, a caller or a secret.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mcp_shortvol.domain.errors import NotConfigured

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram

__all__ = ["Operation", "asked", "configure", "operation", "refused", "retried", "upstream", "waited"]

_VARIABLES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_METRICS_EXPORTER",
    "OTEL_TRACES_EXPORTER",
)
_NAME = "mcp_shortvol"

_on = False


def configure(version: str) -> bool:
    """Export where the environment says to; whether anything is exported. Raises NotConfigured without the SDK.

    Exporters are otlp (over HTTP, the default), console (on standard error) and none, a signal each.
    """
    global _on
    if not any(os.environ.get(name) for name in _VARIABLES) or os.environ.get("OTEL_SDK_DISABLED", "") == "true":
        return False
    try:
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise NotConfigured(
            "OpenTelemetry is asked for by an OTEL variable, and its SDK is not installed.",
            "Install mcp-shortvol[otel], or unset the variable.",
        ) from None
    resource = Resource.create(
        {"service.name": os.environ.get("OTEL_SERVICE_NAME", "mcp-shortvol"), "service.version": version}
    )
    metric_exporter, span_exporter = _exporter("METRICS"), _exporter("TRACES")
    if metric_exporter is not None:
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        reader = PeriodicExportingMetricReader(metric_exporter)
        metrics.set_meter_provider(MeterProvider(metric_readers=[reader], resource=resource))
    if span_exporter is not None:
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(span_exporter))
        trace.set_tracer_provider(provider)
    _on = metric_exporter is not None or span_exporter is not None
    return _on


def _exporter(signal: str) -> Any:
    """The exporter of METRICS or TRACES that the environment names."""
    kind = os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower()
    if kind == "none":
        return None
    if kind == "console":
        from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        # Standard output is the protocol's.
        return ConsoleMetricExporter(out=sys.stderr) if signal == "METRICS" else ConsoleSpanExporter(out=sys.stderr)
    if kind == "otlp":
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPMetricExporter() if signal == "METRICS" else OTLPSpanExporter()
    raise NotConfigured(
        f"OTEL_{signal}_EXPORTER names an exporter that is not known here.", "Set it to otlp, console or none."
    )


@cache
def _histogram(name: str, unit: str) -> "Histogram":
    from opentelemetry import metrics

    return metrics.get_meter(_NAME).create_histogram(name, unit=unit)


@cache
def _counter(name: str) -> "Counter":
    from opentelemetry import metrics

    return metrics.get_meter(_NAME).create_counter(name)


class Operation:
    """One call of a tool: what came of it."""

    def __init__(self, tool: str) -> None:
        self._tool = tool

    def answered(self, text: str, structured: dict[str, Any] | None) -> None:
        """Count an answer, whether it is complete, and its size."""
        if not _on:
            return
        found = structured or {}
        source = str(found.get("source") or "+".join(found.get("sources", ())))
        attributes = {"gen_ai.tool.name": self._tool, "source": source}
        _counter("shortvol.answers").add(1, {**attributes, "complete": bool(found.get("complete", True))})
        size = len(text.encode()) + len(json.dumps(found, separators=(",", ":")))
        _histogram("shortvol.answer.size", "By").record(size, attributes)


@contextmanager
def operation(tool: str) -> Iterator[Operation]:
    """Time a call of a tool; an exception is an error of its kind."""
    if not _on:
        yield Operation(tool)
        return
    attributes = {"mcp.method.name": "tools/call", "gen_ai.tool.name": tool}
    began = perf_counter()
    try:
        yield Operation(tool)
    except BaseException as error:
        attributes["error.type"] = "tool_error"
        attributes["shortvol.error"] = type(error.__cause__ or error).__name__
        raise
    finally:
        _histogram("mcp.server.operation.duration", "s").record(perf_counter() - began, attributes)


@contextmanager
def upstream(title: str) -> Iterator[None]:
    """Time a request to a vendor, as a span of its own."""
    if not _on:
        yield
        return
    from opentelemetry import trace

    attributes = {"upstream": title}
    began = perf_counter()
    try:
        with trace.get_tracer(_NAME).start_as_current_span(f"request to {title}", record_exception=False):
            yield
    except BaseException as error:
        attributes["error.type"] = type(error).__name__
        raise
    finally:
        _histogram("shortvol.upstream.duration", "s").record(perf_counter() - began, attributes)


def waited(title: str, seconds: float) -> None:
    """A request waited so long for its vendor's rate limit."""
    if _on:
        _histogram("shortvol.upstream.wait", "s").record(seconds, {"upstream": title})


def retried(error: Exception) -> None:
    """A request is made again after a failure that can pass."""
    if _on:
        _counter("shortvol.upstream.retries").add(1, {"error.type": type(error).__name__})


def asked(source: str, pages: int, *, used_kept: bool) -> None:
    """A question was answered with so many pages fetched, and with kept rows or without."""
    if _on:
        result = "hit" if not pages else "partial" if used_kept else "miss"
        _counter("shortvol.cache").add(1, {"source": source, "result": result})


def refused(status: int) -> None:
    """A request was turned away over HTTP."""
    if _on:
        _counter("shortvol.http.refusals").add(1, {"http.response.status_code": status})
