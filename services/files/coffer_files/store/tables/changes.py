"""The change feed."""

from sqlalchemy import ARRAY, BigInteger, Column, Identity, Index, Table, Text, text

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
    comment=(
        "The change feed: one row for every write to an item, and one for whoever an item is shared with. `scope` is the item "
        "with the folders above it before and after. Read up to the oldest running transaction only."
    ),
)
