"""Uploads by form, content that is here already, and the address of a drive's owner, which the CloudDrive API shows.

Revision ID: 0012
Revises: 0011
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("users", sa.Column("email", sa.Text))
    op.add_column("blobs", sa.Column("content_hash", sa.Text))
    op.execute(
        "UPDATE blobs SET content_hash = versions.content_hash FROM versions"
        " WHERE versions.blob_id = blobs.id AND versions.content_hash IS NOT NULL"
    )
    op.create_index(
        "blobs_by_content", "blobs", ["owner_id", "content_hash"], postgresql_where=sa.text("content_hash IS NOT NULL")
    )
    op.add_column("uploads", sa.Column("landing_key", sa.Text))
    op.add_column("uploads", sa.Column("landing_at", sa.DateTime(timezone=True)))
    op.create_index(
        "uploads_landing",
        "uploads",
        ["landing_at"],
        postgresql_where=sa.text("state = 'cleared' AND landing_key IS NOT NULL"),
    )
