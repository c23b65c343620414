"""Versions that were deleted by themselves.

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "gone_versions",
        sa.Column("version_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=False),
        comment="Versions that were deleted while their file stayed; a late fact about one of them is void.",
    )
