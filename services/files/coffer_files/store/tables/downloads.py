"""Downloads: which were told of, which tickets were used, and archives that wait to be fetched."""

from sqlalchemy import ARRAY, BigInteger, Column, Index, LargeBinary, Table, Text

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import metadata

downloads_told = Table(
    "downloads_told",
    metadata,
    Column("actor_id", Text, primary_key=True),
    Column("item_id", Id, primary_key=True),
    Column("version_id", Id, primary_key=True),
    Column("told_at", Instant, nullable=False),
    Index("downloads_told_at", "told_at"),
    comment="Whose download of what was last told when; an item without a version stands for its own.",
)

used_tickets = Table(
    "used_tickets",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False),
    Index("used_tickets_ended", "expires_at"),
    comment="Tickets of link sessions that were used; each is good for one answer.",
)

archives = Table(
    "archives",
    metadata,
    Column("id", Id, primary_key=True),
    Column("grantee", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("item_ids", ARRAY(Id), nullable=False),
    Column("name", Text, nullable=False),
    Column("ticket_sha256", LargeBinary, nullable=False),
    Column("estimated_size", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Index("archives_ended", "expires_at"),
    comment="Archives that were asked for; each is streamed once, to whoever shows its ticket before it expires.",
)
