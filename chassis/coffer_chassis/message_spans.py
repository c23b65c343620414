"""Spans of messages, in the words of OpenTelemetry's semantic conventions for messaging and CloudEvents (1.44).

Those are still in development, so their names stand in this file only.
"""

from collections.abc import Sequence

from coffer_chassis.bus import Incoming, Outgoing
from coffer_chassis.tracing import Attribute, Span, span
from coffer_chassis.unit_of_work import Duplicate
from coffer_contracts.event import Meta


def sending(topic: str, batch: Sequence[Outgoing]) -> Span:
    """The span of one publish call: a child of the work that emitted its messages, or linked to the works."""
    parents = dict.fromkeys(message.attributes.get("traceparent") for message in batch)
    attributes: dict[str, Attribute] = {
        "messaging.system": "aws.sns",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
    }
    if len(batch) == 1:
        attributes["messaging.message.id"] = batch[0].id
    else:
        attributes["messaging.batch.message_count"] = len(batch)
    if len(parents) == 1:
        return span(f"send {topic}", kind="producer", parent=next(iter(parents)), attributes=attributes, root=True)
    return span(f"send {topic}", kind="producer", links=parents, attributes=attributes, root=True)


def processing(queue: str, event: Meta, message: Incoming) -> Span:
    """The span in which one fact is handled: a child of the work that emitted it, however the message came here.

    A replay tells what happened long ago, so it begins a trace of its own, which leads to the old one.
    """
    attributes: dict[str, Attribute] = {
        "messaging.system": "aws_sqs",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": queue,
        "messaging.message.id": message.message_id,
        "cloudevents.event_id": event.id,
        "cloudevents.event_type": event.type,
    }
    is_replay = "replay" in message.attributes
    return span(
        f"process {queue}",
        kind="consumer",
        parent=None if is_replay else event.traceparent,
        links=(event.traceparent,) if is_replay else (),
        attributes=attributes,
        root=True,
        expected=(Duplicate,),
    )
