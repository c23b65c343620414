"""The tables of public links, for the metadata in `tables`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from coffer_chassis.tables import Id, Instant

ACTIVE = text("ended_at IS NULL")
EXPIRING = text(
    "ended_at IS NULL AND expired_at IS NULL AND disabled_at IS NULL AND taken_down_at IS NULL AND expires_at IS NOT NULL"
)
"""Links of which time may end something; who looks for them every few seconds reads no other."""


def links_table(metadata: MetaData) -> Table:
    """Define the table. Call once per metadata."""
    return Table(
        "links",
        metadata,
        Column("id", Id, primary_key=True),
        Column("family_id", Id, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Column("item_id", Id, nullable=False),
        Column("owner_id", Id, nullable=False),
        Column("created_by", Id, nullable=False),
        Column("mode", Text, nullable=False),
        Column("name", Text),
        Column("password_hash", Text),
        Column("expires_at", Instant),
        Column("max_downloads", Integer),
        Column("downloads", Integer, nullable=False),
        Column("notify_on_upload", Boolean, nullable=False),
        Column("disabled_at", Instant),
        Column("expired_at", Instant),
        Column("taken_down_at", Instant),
        Column("takedown_reason", Text),
        Column("created_at", Instant, nullable=False),
        Column("changed_at", Instant, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("ended_at", Instant),
        Column("end_reason", Text),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_for_a_reason"),
        Index("links_by_digest", "digest", unique=True),
        Index("links_of_item", "item_id", "created_at", "id", postgresql_where=ACTIVE),
        Index("links_by_maker", "created_by", "created_at", "id", postgresql_where=ACTIVE),
        Index("links_expiring", "expires_at", postgresql_where=EXPIRING),
        Index("links_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
        comment="Public links. Its id is that of its grant; the digest is of the token in its address, which stands nowhere.",
    )


def link_accesses_table(metadata: MetaData) -> Table:
    """Define the table. Call once per metadata."""
    return Table(
        "link_accesses",
        metadata,
        Column("id", Id, primary_key=True),
        Column("link_id", Id, ForeignKey("links.id", ondelete="CASCADE"), nullable=False),
        Column("minute", Instant, nullable=False),
        Column("action", Text, nullable=False),
        Column("network", Text, nullable=False),
        Column("program", Text, nullable=False),
        Column("times", Integer, nullable=False),
        Column("last_at", Instant, nullable=False),
        Index("link_accesses_once", "link_id", "minute", "action", "network", "program", unique=True),
        Index("link_accesses_of_link", "link_id", "last_at", "id"),
        Index("link_accesses_minute", "minute"),
        comment="What visitors did with a link, by the minute: one row for a network and a kind of program, however often.",
    )
