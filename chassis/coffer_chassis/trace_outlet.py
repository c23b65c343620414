"""Spans on their way out, by OpenTelemetry's SDK and OTLP over HTTP. Loaded only where they are exported.

Whoever ends a span hands it over and goes on: one thread sends. A receiver that is slow or away costs spans, never time.
"""

import logging
from collections import deque
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from threading import Event, Thread
from time import monotonic
from typing import Any

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from coffer_chassis.metrics import TRACE_SPANS
from coffer_chassis.trace_export import TraceSettings
from coffer_chassis.trace_headers import Parent
from coffer_chassis.tracing import Span

FLUSH_SECONDS = 2.0
"""How long the end of a process waits for spans to be sent."""
SILENCE_SECONDS = 60.0
"""Between two log lines that say that nobody takes spans."""

_UNNAMED = "unknown_service"
_SCOPE = InstrumentationScope("coffer")
_KINDS = {kind.name.lower(): kind for kind in SpanKind}

log = structlog.get_logger(__name__)


class OtlpOutlet:
    """See tracing.Outlet. Reads the SDK's variables when it is made; raises nothing once it is."""

    def __init__(self, settings: TraceSettings) -> None:
        # Its own lines come with every failed batch, and say what the counter and ours say.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter: Any = OTLPSpanExporter()
        self._sampler = TracerProvider(shutdown_on_exit=False).sampler
        self._delay = settings.bsp_schedule_delay / 1000
        self._room = settings.bsp_max_queue_size
        self._batch = min(settings.bsp_max_export_batch_size, self._room)
        self._waiting: deque[Span] = deque()
        self._news = Event()
        self._closing = False
        self._told_at = -SILENCE_SECONDS
        # A daemon: a receiver that hangs must not keep the process from ending.
        self._thread = Thread(target=self._run, name="trace-export", daemon=True)
        self._thread.start()

    def samples(self, span: Span, parent: Parent | None) -> bool:
        """See Outlet."""
        context = set_span_in_context(NonRecordingSpan(_context(parent, span.state))) if parent else Context()
        try:
            kind, attributes = _KINDS[span.kind], span.attributes
            decided = self._sampler.should_sample(context, int(span.trace_id, 16), span.name, kind, attributes)
        except Exception as error:  # noqa: BLE001  # a sampler may be anybody's
            self._tell(repr(error))
            return False
        return decided.decision is Decision.RECORD_AND_SAMPLE

    def take(self, span: Span) -> None:
        """See Outlet. Spans beyond the room for them are dropped and counted."""
        if len(self._waiting) >= self._room:
            TRACE_SPANS.labels("queue_full").inc()
            return
        self._waiting.append(span)
        if len(self._waiting) >= self._batch:
            self._news.set()

    def close(self) -> None:
        """Send what waits, for FLUSH_SECONDS at most; the rest is dropped and counted. Call once."""
        self._closing = True
        self._news.set()
        self._thread.join(FLUSH_SECONDS)
        self._exporter.shutdown()
        TRACE_SPANS.labels("left").inc(len(self._waiting))

    def _run(self) -> None:
        while not self._closing:
            self._news.wait(self._delay)
            self._news.clear()
            self._send_all()

    def _send_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            try:
                took = self._exporter.export([_readable(span) for span in batch]) is SpanExportResult.SUCCESS
            except Exception as error:  # noqa: BLE001  # the thread must go on
                took = False
                self._tell(repr(error))
            TRACE_SPANS.labels("exported" if took else "failed").inc(len(batch))
            if not took:
                self._tell("the receiver did not take them")

    def _tell(self, reason: str) -> None:
        if monotonic() - self._told_at >= SILENCE_SECONDS:
            self._told_at = monotonic()
            log.warning("traces_lost", reason=reason)


def _readable(span: Span) -> ReadableSpan:
    """The SDK's form of a span. `error.type` is all that is said of a failure: messages may hold what people typed."""
    attributes = span.attributes | ({"error.type": span.error} if span.error else {})
    return ReadableSpan(
        span.name,
        _context(Parent(span.trace_id, span.span_id, sampled=True), span.state, is_remote=False),
        _context(span.parent, None, is_remote=span.is_entry) if span.parent else None,
        _resource(span.service),
        attributes,
        links=[Link(_context(link, None)) for link in span.links],
        kind=_KINDS[span.kind],
        status=Status(StatusCode.ERROR) if span.error else Status(StatusCode.UNSET),
        start_time=span.started_ns,
        end_time=span.ended_ns,
        instrumentation_scope=_SCOPE,
    )


def _context(parent: Parent, state: str | None, *, is_remote: bool = True) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    states = TraceState.from_header([state]) if state else None
    return SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote, flags, states)


@cache
def _resource(service: str) -> Resource:
    """Who the spans are of: `OTEL_SERVICE_NAME` or `service.name` of the resource attributes go before our own name."""
    try:
        known = {SERVICE_VERSION: version("coffer")}
    except PackageNotFoundError:
        known = {}
    told = Resource.create({})
    if str(told.attributes.get(SERVICE_NAME, _UNNAMED)).startswith(_UNNAMED):
        known[SERVICE_NAME] = f"coffer-{service}"
    return told.merge(Resource(known))
