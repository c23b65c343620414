"""Which trace and which request a mail belongs to.

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("mails", sa.Column("traceparent", sa.Text))
    op.add_column("mails", sa.Column("correlation_id", sa.Text))
