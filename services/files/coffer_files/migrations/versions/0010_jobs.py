"""Jobs: long work that is asked for and done in the background.

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OPEN = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    identifier, instant = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    op.create_table(
        "jobs",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("asked_by", identifier, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("arguments", JSONB, nullable=False),
        sa.Column("only_key", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("total", sa.BigInteger),
        sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("place", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("result", JSONB),
        sa.Column("problem", JSONB),
        sa.Column("error", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("lease", identifier),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("turn_at", instant),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("started_at", instant),
        sa.Column("ended_at", instant),
        sa.CheckConstraint("(ended_at IS NULL) = (state IN ('queued', 'running'))", name="ended_or_open"),
        comment="Long work that somebody asked for. A job that has not ended is taken up where it stands when its time is due.",
    )
    op.create_index("jobs_asked_by", "jobs", ["asked_by", "id"])
    op.create_index("jobs_of_owner", "jobs", ["owner_id", "turn_at"])
    op.create_index("jobs_due", "jobs", ["due_at"], postgresql_where=OPEN)
    op.create_index("jobs_one_at_a_time", "jobs", ["only_key"], unique=True, postgresql_where=OPEN)
    op.create_index("jobs_ended", "jobs", ["ended_at"], postgresql_where=sa.text("ended_at IS NOT NULL"))
    op.create_table(
        "copied_folders",
        sa.Column("job_id", identifier, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("source_id", identifier, nullable=False),
        sa.Column("target_id", identifier, nullable=False),
        sa.Column("after_key", sa.Text(collation="C")),
        comment="Folders whose children a job has still to copy, in their order; after_key is the name of the last one copied.",
    )
