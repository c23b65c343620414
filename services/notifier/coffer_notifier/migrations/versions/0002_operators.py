"""Replays, who settled a dead letter, and audit entries.

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.migrations import add_replays_v2

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_replays_v2()
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger),
        sa.Column("detail", JSONB, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        comment="What is kept for good about who did what to the installation and to accounts, once per fact.",
    )
    op.create_index("audit_entries_order", "audit_entries", ["at", "id"])
    op.create_index("audit_entries_of_actor", "audit_entries", ["actor_id", "at", "id"])
