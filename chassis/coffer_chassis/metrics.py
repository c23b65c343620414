"""Every metric of Coffer with its type and meaning, in one list: docs and dashboards are checked against it.

Labels are bounded: route templates, methods, statuses, services, queues, event types, states; never ids or names.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

registry = CollectorRegistry(auto_describe=True)
"""Coffer's own registry: the default one would add what other libraries register at import."""

_HTTP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600, 3600)
_JOB_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)


@dataclass(frozen=True, slots=True)
class Definition:
    """One row of the metrics page."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...]


definitions: list[Definition] = []


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    definitions.append(Definition(name, "counter", meaning, labels))
    return Counter(name, meaning, labels, registry=registry)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    definitions.append(Definition(name, "gauge", meaning, labels))
    return Gauge(name, meaning, labels, registry=registry)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    definitions.append(Definition(name, "histogram", meaning, labels))
    return Histogram(name, meaning, labels, buckets=buckets, registry=registry)


class HttpMeter:
    """Counts requests. Written by one event loop and read at scrape, so it needs no lock: a third of a Histogram's cost."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str, str], int] = {}
        self._timings: dict[tuple[str, str], list[float]] = {}

    def count(self, service: str, route: str, method: str, status: str, seconds: float) -> None:
        """One request answered; `route` is a template, `method` one of a fixed set."""
        key = (service, route, method, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        timing = self._timings.get((service, route))
        if timing is None:
            timing = self._timings[service, route] = [0.0] * (len(_HTTP_SECONDS) + 2)
        timing[bisect_left(_HTTP_SECONDS, seconds)] += 1
        timing[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        """Both families, for the registry."""
        requests = CounterMetricFamily(*_HTTP_REQUESTS[:2], labels=_HTTP_REQUESTS[2:])
        for key, count in self._counts.copy().items():
            requests.add_metric(key, count)
        yield requests
        durations = HistogramMetricFamily(*_HTTP_DURATION[:2], labels=_HTTP_DURATION[2:])
        for labels, timing in self._timings.copy().items():
            totals = accumulate(timing[:-1])
            bounds = [*map(str, _HTTP_SECONDS), "+Inf"]
            durations.add_metric(labels, list(zip(bounds, totals, strict=True)), timing[-1])
        yield durations


_HTTP_REQUESTS = ("coffer_http_requests_total", "Requests answered, by route template.", "service", "route", "method", "status")
_HTTP_DURATION = ("coffer_http_request_seconds", "From the first byte in to the last byte out.", "service", "route")
definitions.append(Definition(_HTTP_REQUESTS[0], "counter", _HTTP_REQUESTS[1], _HTTP_REQUESTS[2:]))
definitions.append(Definition(_HTTP_DURATION[0], "histogram", _HTTP_DURATION[1], _HTTP_DURATION[2:]))
HTTP = HttpMeter()
registry.register(HTTP)

REQUESTS_LIMITED = _counter("coffer_requests_limited_total", "Requests refused with 429, by policy.", "policy")
OUTBOX_UNSENT = _gauge("coffer_outbox_unsent", "Outbox rows not yet published.", "service")
OUTBOX_OLDEST_SECONDS = _gauge("coffer_outbox_oldest_seconds", "Age of the oldest unsent outbox row.", "service")
RELAY_PUBLISHED = _counter("coffer_relay_published_total", "Events handed to the broker.", "type")
RELAY_FAILURES = _counter("coffer_relay_failures_total", "Batches the broker refused; they are sent again.", "service")
RELAY_LAG_SECONDS = _histogram(
    "coffer_relay_lag_seconds", "From the commit's time of an event to its publication; replays apart.", _LAG_SECONDS, "service"
)
CONSUMER_HANDLED = _counter(
    "coffer_consumer_handled_total", "Messages taken off a queue, by outcome.", "queue", "type", "outcome"
)
CONSUMER_LAG_SECONDS = _histogram(
    "coffer_consumer_lag_seconds", "From sent to received (SentTimestamp), at receive.", _LAG_SECONDS, "queue"
)
CONSUMER_IN_FLIGHT = _gauge("coffer_consumer_in_flight", "Messages being handled at this moment.", "queue")
CONSUMER_STOPPED = _gauge(
    "coffer_consumer_stopped", "1 while a consumer takes nothing because too many messages failed.", "queue"
)
QUEUE_MESSAGES = _gauge(
    "coffer_queue_messages", "Messages in a queue, about: `waiting`, `in_flight`, `delayed`; once a minute.", "queue", "state"
)
DEAD_LETTERS_WAITING = _gauge("coffer_dead_letters_waiting", "Dead letters neither redriven nor dropped.", "queue")
REPLAYS_RUNNING = _gauge("coffer_replays_running", "Replays that are not over.", "service")
RECEIPTS_GONE = _counter(
    "coffer_receipts_gone_total", "Messages whose receipt had lapsed before they could be deleted.", "queue"
)
UPLOADS_STATE = _counter("coffer_uploads_state_total", "Uploads that entered a state.", "state")
JOBS_OPEN = _gauge("coffer_jobs_open", "Jobs that people asked for and that have not ended.", "state")
JOBS_OLDEST_SECONDS = _gauge("coffer_jobs_oldest_seconds", "Age of the oldest job that has not ended.")
JOBS_ENDED = _counter("coffer_jobs_ended_total", "Jobs that ended.", "kind", "state")
BUCKET_ORPHANS = _gauge("coffer_bucket_orphans", "Objects that nothing refers to, at the last comparison.")
BUCKET_ORPHAN_BYTES = _gauge("coffer_bucket_orphan_bytes", "Bytes in objects that nothing refers to.")
BUCKET_MISSING = _gauge("coffer_bucket_missing", "Contents of files whose object is not in the bucket.")
BUCKET_MISMATCHED = _gauge("coffer_bucket_mismatched", "Contents of files whose object has another size or ETag.")
MEDIA_JOBS = _counter("coffer_media_jobs_total", "Verdicts and previews finished, by outcome.", "outcome")
MEDIA_BARRIERS = _gauge("coffer_media_barrier", "1 if this barrier stands around rendering processes, 0 if not.", "barrier")
MEDIA_JOB_SECONDS = _histogram("coffer_media_job_seconds", "One verdict or preview, reading included.", _JOB_SECONDS)
MEDIA_VERDICT_SECONDS = _histogram(
    "coffer_media_verdict_seconds", "From the fact that bytes have come to the verdict on them.", _LAG_SECONDS
)
MEDIA_PREVIEWS = _counter("coffer_media_previews_total", "Previews finished: `ready`, or why there is none.", "outcome")
MEDIA_PREVIEWS_OPEN = _gauge("coffer_media_previews_open", "Previews to be made: `waiting` for their turn, or `held`.", "state")
MEDIA_PREVIEWS_OWNERS = _gauge("coffer_media_previews_owners", "People whose previews are to be made.")
MEDIA_PREVIEWS_OLDEST_SECONDS = _gauge("coffer_media_previews_oldest_seconds", "Age of the oldest preview to be made.")
MEDIA_PREVIEW_WAIT_SECONDS = _histogram(
    "coffer_media_preview_wait_seconds", "From the line to the first try at a preview.", _LAG_SECONDS
)
SSE_CONNECTIONS = _gauge("coffer_sse_connections", "Live streams open in this process.")
SSE_ENDED = _counter("coffer_sse_ended_total", "Live streams that ended, by reason.", "outcome")
SSE_REFUSED = _counter(
    "coffer_sse_refused_total", "Live streams refused: too many of one `person`, or of the `process`.", "kind"
)
SSE_LAG_SECONDS = _histogram(
    "coffer_sse_lag_seconds", "From the row of the stream to its being handed to an open stream.", _LAG_SECONDS
)
TRACE_SPANS = _counter("coffer_trace_spans_total", "Spans that ended where traces are exported, by outcome.", "outcome")
MAILS = _counter("coffer_mails_total", "Attempts to send mail, by outcome.", "outcome")
MAILS_WAITING = _gauge("coffer_mails_waiting", "Mails that are not sent and not given up.")
WEBHOOK_DELIVERIES = _counter("coffer_webhook_deliveries_total", "Attempts to deliver to webhooks, by outcome.", "outcome")
WEBHOOK_LAG_SECONDS = _histogram(
    "coffer_webhook_lag_seconds", "From the match of a fact with a webhook to the receiver's yes.", _LAG_SECONDS
)
AUDIT_WAITING = _gauge("coffer_audit_waiting", "Entries of the audit that have no place in its chain yet.")
WEBHOOKS_WAITING = _gauge("coffer_webhooks_waiting", "Deliveries to webhooks that wait for their first or another attempt.")

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def exposition(scope: dict[str, Any], _receive: object, send: Send) -> None:
    """`GET /metrics` in Prometheus' text format, as a plain ASGI app for the internal port; it is never public."""
    if scope["type"] != "http":
        return
    found = scope["path"] == "/metrics" and scope["method"] in {"GET", "HEAD"}
    body = generate_latest(registry) if found else b"not found\n"
    kind = CONTENT_TYPE_LATEST if found else "text/plain; charset=utf-8"
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
