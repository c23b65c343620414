"""Tables of who has live streams open. They say nothing that outlives a crash of the store, so they are not logged by it."""

from sqlalchemy import Column, Integer, Table

from coffer_chassis.tables import Id, Instant
from coffer_notifier.store.tables import metadata

stream_processes = Table(
    "stream_processes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("seen_at", Instant, nullable=False),
    comment="Processes that serve live streams, and when they were last heard of.",
    prefixes=["UNLOGGED"],
)

stream_seats = Table(
    "stream_seats",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("process_id", Id, nullable=False),
    comment="Live streams that are open: so many seats for each person, and which process serves them.",
    prefixes=["UNLOGGED"],
)
