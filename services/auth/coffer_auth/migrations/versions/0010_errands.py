"""Errands that fail are done later, behind those that wait.

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("errands", sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")))
    instant = sa.DateTime(timezone=True)
    op.add_column("errands", sa.Column("not_before", instant, nullable=False, server_default=sa.text("now()")))
    op.drop_index("errands_order", "errands")
    op.create_index("errands_order", "errands", ["not_before", "asked_at", "id"])
