"""Tables of facts as they came, for a while: whoever may be told of them can have told it again."""

from sqlalchemy import BigInteger, Column, Identity, Index, Table, Text, text

from coffer_chassis.tables import Id, Instant
from coffer_notifier.store.tables import metadata

facts = Table(
    "facts",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("xid", BigInteger, nullable=False, server_default=text("pg_current_xact_id()::text::bigint")),
    Column("event_id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("fact", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("facts_at", "at"),
    comment="Facts that outside subscribers may be told, as they came, in the order in which they did.",
)

fact_keys = Table(
    "fact_keys",
    metadata,
    Column("key", Id, primary_key=True),
    Column("xid", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Index("fact_keys_of_fact", "position"),
    comment="By whom facts are found: people whom they concern, and items that somebody was given by then.",
)
