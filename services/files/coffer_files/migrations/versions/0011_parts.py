"""Uploads that come in parts: how the bytes travel, in parts of which length, and where the bucket collects them.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("strategy", sa.Text, nullable=False, server_default=sa.text("'single'")))
    op.add_column("uploads", sa.Column("part_bytes", sa.BigInteger))
    op.add_column("uploads", sa.Column("parts_hashed", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.add_column("uploads", sa.Column("multipart_id", sa.Text))
