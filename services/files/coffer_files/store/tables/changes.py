"""The change feed."""

from sqlalchemy import ARRAY, BigInteger, Boolean, CheckConstraint, Column, Identity, Index, Table, Text, text

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import metadata

changes = Table(
    "changes",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("xid", BigInteger, nullable=False, server_default=text("pg_current_xact_id()::text::bigint")),
    Column("item_id", Id, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor_id", Text),
    Column("at", Instant, nullable=False),
    Column("scope", ARRAY(Id)),
    Index("changes_of_drive", "owner_id", "xid", "position"),
    Index("changes_at", "at"),
    Index("changes_of_item", "item_id"),
    comment=(
        "The change feed: one row for every write to an item, and one for whoever an item is shared with. `scope` is the item "
        "with the folders above it before and after. Read up to the oldest running transaction only."
    ),
)

feed_floors = Table(
    "feed_floors",
    metadata,
    Column("owner_id", Id, primary_key=True),
    Column("xid", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    comment="Feeds that became too long, with the place up to which their entries are gone: earlier cursors are refused.",
)

feed_compaction = Table(
    "feed_compaction",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("compacted_until", Instant, nullable=False),
    CheckConstraint("is_only", name="feed_compaction_only"),
    comment="One row: up to when entries of the change feed were compacted.",
)
