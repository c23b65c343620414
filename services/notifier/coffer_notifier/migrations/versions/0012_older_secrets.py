"""Secrets of webhooks that were replaced twice within a day go on to sign; operators see which webhooks fail, and with what.

Revision ID: 0012
Revises: 0011
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("older_secrets", JSONB, nullable=False, server_default=sa.text("'[]'")))
    op.add_column("webhooks", sa.Column("last_failed_at", sa.DateTime(timezone=True)))
    op.add_column("webhooks", sa.Column("last_error", sa.Text))
    in_trouble = sa.text("failing_since IS NOT NULL AND (enabled OR disabled_for IS NOT NULL)")
    op.create_index("webhooks_in_trouble", "webhooks", ["failing_since", "id"], postgresql_where=in_trouble)
