"""Locks on items."""

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import metadata

locks = Table(
    "locks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("item_id", Id, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("holder", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("depth", Text, nullable=False),
    Column("owner_info", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    UniqueConstraint("item_id", "holder", name="locks_of_item"),
    Index("locks_in_drive", "owner_id", "expires_at"),
    Index("locks_ended", "expires_at"),
    comment="Who keeps others from writing to an item, and until when; one that has ended may stand here for a while.",
)
