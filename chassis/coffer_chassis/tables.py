"""Tables that every service keeps beside its own: outboxes, inbox, dead letters, replays, idempotency keys, broker epoch."""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

Instant = DateTime(timezone=True)
Id = Uuid(as_uuid=False)

WAITING = text("redriven_at IS NULL AND dropped_at IS NULL")
"""Of dead letters: neither redriven nor dropped."""
RUNNING = text("state = 'running'")
"""Of replays."""


@dataclass(frozen=True)
class ChassisTables:
    """The chassis' tables, bound to one service's metadata."""

    outbox: Table
    inbox: Table
    dead_letters: Table
    idempotency_keys: Table
    broker: Table
    replays: Table
    private_outbox: Table


def chassis_tables(metadata: MetaData) -> ChassisTables:
    """Define the chassis' tables in a service's metadata. Call once per metadata."""
    outbox = Table(
        "outbox",
        metadata,
        Column("id", Id, primary_key=True),
        Column("position", BigInteger, Identity(always=True), nullable=False),
        Column("type", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("owner_id", Id),
        Column("body", Text, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("available_at", Instant, nullable=False),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("replay", Boolean, nullable=False, server_default=text("false")),
        Column("sent_at", Instant),
        Column("urgent", Boolean, nullable=False, server_default=text("false")),
        Index("outbox_unsent", "position", postgresql_where=text("sent_at IS NULL")),
        # Empty nearly always, so that it costs those nothing that are not urgent.
        Index("outbox_urgent", "position", postgresql_where=text("sent_at IS NULL AND urgent")),
        Index("outbox_sent_order", "sent_at", "position", postgresql_where=text("sent_at IS NOT NULL")),
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("source", Text, primary_key=True),
        Column("event_id", Text, primary_key=True),
        Column("handled_at", Instant, nullable=False),
        Index("inbox_handled", "handled_at"),
    )
    dead_letters = Table(
        "dead_letters",
        metadata,
        Column("id", Id, primary_key=True),
        Column("queue", Text, nullable=False),
        Column("message_id", Text, nullable=False),
        Column("type", Text),
        Column("body", Text, nullable=False),
        Column("attributes", JSONB, nullable=False),
        Column("reason", Text, nullable=False),
        Column("error_class", Text),
        Column("handler", Text),
        Column("receives", Integer, nullable=False),
        Column("dead_at", Instant, nullable=False),
        Column("redriven_at", Instant),
        Column("dropped_at", Instant),
        Column("settled_by", Text),
        Index("dead_letters_message", "queue", "message_id", unique=True),
        Index("dead_letters_order", "dead_at", "id"),
        Index("dead_letters_waiting", "dead_at", "id", postgresql_where=WAITING),
    )
    idempotency_keys = Table(
        "idempotency_keys",
        metadata,
        Column("principal", Text, primary_key=True),
        Column("route", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("fingerprint", Text, nullable=False),
        Column("result", JSONB),
        Column("created_at", Instant, nullable=False),
        Index("idempotency_keys_created", "created_at"),
    )
    broker = Table(
        "broker",
        metadata,
        Column("only_row", Boolean, primary_key=True, server_default=text("true")),
        Column("epoch", BigInteger, nullable=False),
        Column("drained_at", Instant),
    )
    replays = Table(
        "replays",
        metadata,
        Column("id", Id, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("wanted", JSONB, nullable=False),
        Column("rate_per_second", Double, nullable=False),
        Column("state", Text, nullable=False),
        Column("total", BigInteger, nullable=False),
        Column("sent", BigInteger, nullable=False, server_default=text("0")),
        Column("skipped", BigInteger, nullable=False, server_default=text("0")),
        Column("reached_at", Instant),
        Column("reached", Text),
        Column("due_at", Instant, nullable=False),
        Column("lease", Id),
        Column("last_error", Text),
        Column("created_at", Instant, nullable=False),
        Column("created_by", Text),
        Column("ended_at", Instant),
        Index("replays_due", "due_at", postgresql_where=RUNNING),
        Index("replays_created", "created_at", "id"),
        comment="What is sent again on demand, and how far that is: events of the outbox, or dead letters.",
    )
    private_outbox = Table(
        "private_outbox",
        metadata,
        Column("id", Id, primary_key=True),
        Column("position", BigInteger, Identity(always=True), nullable=False),
        Column("type", Text, nullable=False),
        Column("body", Text, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("available_at", Instant, nullable=False),
        Column("expires_at", Instant, nullable=False),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Index("private_outbox_order", "position"),
        comment="Private commands until they are sent or expire. A table of its own, so that nothing that reads the outbox can"
        " show one or send it again.",
    )
    return ChassisTables(outbox, inbox, dead_letters, idempotency_keys, broker, replays, private_outbox)
