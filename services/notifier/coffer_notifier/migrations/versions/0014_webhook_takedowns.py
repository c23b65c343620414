"""Operators turn webhooks off.

Revision ID: 0014
Revises: 0013
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("taken_down_at", sa.DateTime(timezone=True)))
    op.add_column("webhooks", sa.Column("takedown_reason", sa.Text))
    op.add_column("webhooks", sa.Column("back_on", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.drop_index("webhooks_in_trouble", "webhooks")
    since = sa.text("coalesce(failing_since, taken_down_at)")
    in_trouble = sa.text("(taken_down_at IS NOT NULL OR (failing_since IS NOT NULL AND (enabled OR disabled_for IS NOT NULL)))")
    op.create_index("webhooks_in_trouble", "webhooks", [since, "id"], postgresql_where=in_trouble)
