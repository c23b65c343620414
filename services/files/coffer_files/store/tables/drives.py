"""Whose drives there are, and what of them is used."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text, text

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import metadata

users = Table(
    "users",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("username", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("quota_bytes", BigInteger),
    comment="Copy of what auth publishes about people; sequence keeps a late older fact out.",
)

drives = Table(
    "drives",
    metadata,
    Column("owner_id", Id, primary_key=True),
    Column("root_id", Id, nullable=False, unique=True),
    Column("quota_bytes", BigInteger, nullable=False),
    Column("used_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("reserved_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("feed_epoch", BigInteger, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("used_bytes >= 0", name="used_is_not_negative"),
    CheckConstraint("reserved_bytes >= 0", name="reserved_is_not_negative"),
    comment="One per owner: where the tree begins, what is used and what unfinished uploads have reserved.",
)
