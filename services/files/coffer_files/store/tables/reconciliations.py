"""Comparisons of the bucket with the store."""

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import metadata

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("prefixes", ARRAY(Text), nullable=False),
    Column("repair", Boolean, nullable=False),
    Column("grace_seconds", BigInteger, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text),
    Column("requested_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("failed_at", Instant),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease", Id),
    Column("leased_until", Instant, nullable=False),
    Column("place", JSONB, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("samples", JSONB, nullable=False),
    Index(
        "reconciliations_one_at_a_time",
        text("(true)"),
        unique=True,
        postgresql_where=text("finished_at IS NULL AND failed_at IS NULL"),
    ),
    Index("reconciliations_by_time", "requested_at"),
    comment="Comparisons of the bucket with the store; one that neither finished nor failed is taken up where it was left.",
)
