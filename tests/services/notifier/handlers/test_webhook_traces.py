"""A webhook is told in the trace of the fact: the header of its request, a span and log lines for every attempt."""

import io
import json

import structlog

from coffer_chassis import logs
from coffer_chassis.bus import Incoming
from coffer_chassis.message_spans import processing
from factories.events import NOON
from factories.notifier import Notifier
from factories.receivers import Receiver
from factories.telling import drive, user_id
from factories.tracing import PARENT, TRACE, kept_spans

MESSAGE = Incoming("m", "r", "{}", {}, 1, NOON)


async def committed(notifier: Notifier, hook: Receiver) -> None:
    """Somebody with a webhook uploads a file, in a trace."""
    ann = user_id()
    await notifier.webhook(ann, hook.url, "files.*")
    fact = drive(ann).below("Secret plans.txt").committed().model_copy(update={"traceparent": PARENT})
    with processing("notifier-bulk", fact, MESSAGE):
        await notifier.handle(fact)


async def test_a_request_names_its_trace_and_is_a_span_of_it(hooked: Notifier, hook: Receiver) -> None:
    with kept_spans() as kept:
        await committed(hooked, hook)
        await hooked.deliver_all()
    (call,) = hook.calls
    processed = kept.named("process notifier-bulk")[0]
    (sent,) = kept.named("send webhook")
    assert call.headers["traceparent"] == sent.traceparent
    assert (sent.trace_id, sent.kind, sent.error) == (TRACE, "client", None)
    assert sent.parent is not None
    assert sent.parent.span_id == processed.span_id
    assert sent.attributes["http.response.status_code"] == 200
    said = repr([sent.name, sent.attributes])
    assert not [word for word in ("127.0.0.1", "hook", "Secret") if word in said.replace("webhook", "")]


async def test_every_attempt_is_a_span_of_the_same_trace_with_a_log_line(hooked: Notifier, hook: Receiver) -> None:
    hook.statuses = [500]
    lines = io.StringIO()
    before = structlog.get_config()
    logs.configure(stream=lines, console=False, cached=False)
    try:
        with kept_spans() as kept:
            await committed(hooked, hook)
            await hooked.deliver_all()
            hooked.clock.advance(seconds=10)
            await hooked.deliver_all()
    finally:
        structlog.configure(**before)
    spans = kept.named("send webhook")
    assert [(span.trace_id, span.error, span.attributes["coffer.webhook.attempt"]) for span in spans] == [
        (TRACE, "status_500", 1),
        (TRACE, None, 2),
    ]
    assert [call.headers["traceparent"] for call in hook.calls] == [span.traceparent for span in spans]
    said = [json.loads(line) for line in lines.getvalue().splitlines()]
    attempts = [line for line in said if line["event"] == "webhook_attempted"]
    assert [(line["trace_id"], line["outcome"]) for line in attempts] == [(TRACE, "put_off"), (TRACE, "delivered")]
    assert hook.url not in lines.getvalue()
