"""Jobs: long work that somebody asked for."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import metadata

OPEN = text("state IN ('queued', 'running')")

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("asked_by", Id, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("traceparent", Text),
    Column("arguments", JSONB, nullable=False),
    Column("only_key", Text),
    Column("state", Text, nullable=False),
    Column("done", BigInteger, nullable=False, server_default=text("0")),
    Column("total", BigInteger),
    Column("size_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("place", JSONB, nullable=False, server_default=text("'{}'")),
    Column("result", JSONB(none_as_null=True)),
    Column("problem", JSONB(none_as_null=True)),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease", Id),
    Column("due_at", Instant, nullable=False),
    Column("turn_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    CheckConstraint("(ended_at IS NULL) = (state IN ('queued', 'running'))", name="ended_or_open"),
    Index("jobs_asked_by", "asked_by", "id"),
    Index("jobs_of_owner", "owner_id", "turn_at"),
    Index("jobs_due", "due_at", postgresql_where=OPEN),
    Index("jobs_one_at_a_time", "only_key", unique=True, postgresql_where=OPEN),
    Index("jobs_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    comment="Long work that somebody asked for. A job that has not ended is taken up where it stands when its time is due.",
)
