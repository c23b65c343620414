"""Tables of what programs are told beside webhooks: codes for queues, and queues on topics."""

from sqlalchemy import BigInteger, Column, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY

from coffer_chassis.tables import Id, Instant
from coffer_notifier.store.tables import metadata

queue_codes = Table(
    "queue_codes",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("sent_at", Instant, nullable=False),
    comment="When a code was last sent to a queue, whoever asked for it: so that nobody floods a queue with codes.",
)

topic_subscriptions = Table(
    "topic_subscriptions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("owner_id", Id),
    Column("dead_queue", Text),
    Column("description", Text, nullable=False),
    Column("arn", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("revision", BigInteger, nullable=False),
    UniqueConstraint("topic", "queue", name="topic_subscriptions_once"),
    comment="Queues that operators subscribed to topics of Coffer; those of Coffer's own services are not among them.",
)
