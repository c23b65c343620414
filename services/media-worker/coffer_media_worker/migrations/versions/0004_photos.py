"""What was answered about photos of people.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "photos",
        sa.Column("photo_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("answer", JSONB, nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        comment="What was answered about photos of people, as it was told; kept as long as somebody may ask again.",
    )
    op.create_index("photos_answered", "photos", ["answered_at"])
