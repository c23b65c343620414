"""What items are to single people."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, text

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import metadata

marks = Table(
    "marks",
    metadata,
    Column("user_id", Id, nullable=False),
    Column("item_id", Id, nullable=False),
    Column("favourite_at", Instant),
    Column("touched_at", Instant),
    PrimaryKeyConstraint("user_id", "item_id"),
    Index("marks_of_item", "item_id"),
    Index("marks_favourite", "user_id", "favourite_at", "item_id", postgresql_where=text("favourite_at IS NOT NULL")),
    Index("marks_recent", "user_id", "touched_at", "item_id", postgresql_where=text("touched_at IS NOT NULL")),
    Index("marks_old", "touched_at", postgresql_where=text("favourite_at IS NULL")),
    comment=(
        "What items are to single people: favourites, and when they last had to do with one. Written beside the items, "
        "without locking them; a row whose item is gone shows nowhere and is forgotten in time."
    ),
)
