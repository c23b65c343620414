"""A receiver of OTLP over HTTP: it decodes what it is sent and keeps it, hangs, or refuses, as it is told."""

import threading
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Mood = Literal["takes", "hangs", "refuses"]


@dataclass(frozen=True)
class Received:
    """One span, in words."""

    name: str
    kind: str
    service: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[tuple[str, str], ...]
    attributes: dict[str, Any]
    failed: bool
    state: str
    seconds: float


@dataclass
class Receiver:
    """Where spans arrive."""

    port: int = 0
    mood: Mood = "takes"
    spans: list[Received] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """Everything that was said in words, attributes and what happened meanwhile included."""
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: int = 0
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """The base address, for OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def named(self, name: str) -> list[Received]:
        """All spans of that name."""
        return [span for span in self.spans if span.name == name]

    def take(self, body: bytes) -> None:
        """Decode a request."""
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        self.raw.append(body)
        self.texts += _texts_in(request)
        for resource in request.resource_spans:
            service = _values(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_received(span, service) for span in scope.spans]


def _texts_in(message: Any) -> Iterator[str]:
    for _, value in message.ListFields():
        for one in value if isinstance(value, MutableSequence) else [value]:
            if isinstance(one, str):
                yield one
            elif hasattr(one, "ListFields"):
                yield from _texts_in(one)


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def _received(span: Any, service: str) -> Received:
    return Received(
        name=span.name,
        kind=span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        service=service,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        attributes=_values(span.attributes),
        failed=span.status.code == 2,
        state=span.trace_state,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver on a free port until the end."""
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            told.asked += 1
            body = self.rfile.read(int(self.headers["content-length"]))
            if told.mood == "hangs":
                told.release.wait(30)
            if told.mood == "takes":
                assert self.path == "/v1/traces", self.path
                told.headers.append(dict(self.headers))
                told.take(body)
            self.send_response(200 if told.mood == "takes" else 400)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield told
        finally:
            told.release.set()
            server.shutdown()
            thread.join()
