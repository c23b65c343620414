"""Operators look into quarantine, release what was refused, or delete it before its time.

Revision ID: 0019
Revises: 0018
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("discarded_at", sa.DateTime(timezone=True)))
    op.create_index(
        "uploads_in_quarantine",
        "uploads",
        ["changed_at", "id"],
        postgresql_where=sa.text("state = 'rejected' AND discarded_at IS NULL"),
    )
