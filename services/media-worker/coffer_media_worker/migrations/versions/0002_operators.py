"""Replays, who settled a dead letter, and the deny list.

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from coffer_chassis.migrations import add_replays_v2

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_replays_v2()
    op.create_table(
        "revocations",
        sa.Column("session_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("revocations_until", "revocations", ["until"])
