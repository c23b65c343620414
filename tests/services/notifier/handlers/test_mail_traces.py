"""A mail belongs to the trace of the fact it tells: its row, its header, the call that sends it, and every further attempt."""

from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from coffer_chassis import tracing
from coffer_chassis.bus import Incoming
from coffer_chassis.message_spans import processing
from factories.events import NOON
from factories.notifier import Notifier
from factories.telling import Share, drive, registered, user_id
from factories.tracing import PARENT, TRACE, kept_spans

MESSAGE = Incoming("m", "r", "{}", {}, 1, NOON)


async def shared(notifier: Notifier, *, parent: str | None = PARENT, correlation: str | None = None) -> tuple[str, Any]:
    """Bob's address, and the row of the mail that tells him."""
    ann, bob = user_id(), user_id()
    name = f"bob{bob[-12:]}"
    share = Share(drive(ann).below("Secret plans", "folder"), bob)
    told = share.created(notify=True)
    told = told.model_copy(update={"traceparent": parent} | ({"correlationid": correlation} if correlation else {}))
    await notifier.handle(registered(ann, f"ann{ann[-12:]}"), registered(bob, name), share.granted())
    with processing("notifier-fast", told, MESSAGE):
        await notifier.handle(told)
    (row,) = await notifier.rows("SELECT * FROM mails WHERE user_id = :bob", bob=bob)
    return f"{name}@example.org", row


def sent_to(notifier: Notifier, address: str) -> Any:
    (raw,) = [mail for to, mail in notifier.post.sent if to == address]
    return message_from_bytes(raw, policy=default)


async def test_a_mail_names_its_trace_and_what_led_to_it(notifier: Notifier) -> None:
    with kept_spans() as kept:
        address, row = await shared(notifier)
        await notifier.post_all()
    mail = sent_to(notifier, address)
    processed = kept.named("process notifier-fast")[0]
    sent = next(span for span in kept.named("send mail") if span.trace_id == TRACE)
    assert mail["Traceparent"] == row.traceparent == processed.traceparent
    assert mail["X-Correlation-ID"] == row.correlation_id
    assert (sent.kind, sent.parent and sent.parent.span_id, sent.error) == ("client", processed.span_id, None)
    assert address not in repr([sent.name, sent.attributes])


async def test_every_attempt_is_a_span_of_the_same_trace_and_the_header_stays(notifier: Notifier) -> None:
    with kept_spans() as kept:
        address, row = await shared(notifier)
        notifier.post.failures = [ConnectionError("the provider is away")]
        await notifier.post_all()
        notifier.clock.advance(hours=2)
        await notifier.post_all()
    spans = [span for span in kept.named("send mail") if span.trace_id == TRACE]
    assert [(span.error, span.attributes["coffer.mail.attempt"]) for span in spans] == [("ConnectionError", 1), (None, 2)]
    assert sent_to(notifier, address)["Traceparent"] == row.traceparent


async def test_a_mail_of_a_fact_without_a_trace_has_one_of_its_handler(notifier: Notifier) -> None:
    address, _ = await shared(notifier, parent=None)
    assert tracing.current() is None
    await notifier.post_all()
    assert len(sent_to(notifier, address)["Traceparent"]) == 55


@pytest.mark.parametrize("correlation", ["x\r\nBcc: evil@example.org", "x" * 200, "=?utf-8?q?x?=", ""])
async def test_a_correlation_that_is_no_plain_id_does_not_reach_the_header(notifier: Notifier, correlation: str) -> None:
    address, _ = await shared(notifier, correlation=correlation)
    await notifier.post_all()
    mail = sent_to(notifier, address)
    assert mail["Bcc"] is None
    assert correlation == "" or mail["X-Correlation-ID"] is None
