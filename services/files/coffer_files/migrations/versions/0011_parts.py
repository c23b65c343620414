"""Uploads that come in parts: how the bytes travel, in parts of which length, and where the bucket collects them.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from coffer_chassis.tables import Id

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("strategy", sa.Text, nullable=False, server_default=sa.text("'single'")))
    op.add_column("uploads", sa.Column("part_bytes", sa.BigInteger))
    op.add_column("uploads", sa.Column("parts_hashed", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.add_column("uploads", sa.Column("multipart_id", sa.Text))
    op.create_table(
        "upload_digests",
        sa.Column("upload_id", Id, primary_key=True),
        sa.Column("digests", sa.LargeBinary, nullable=False),
        comment="SHA-256 of every part of an upload that is open, 32 bytes each, as they were announced.",
    )
    # Digests do not shrink, and a piece of what is not compressed can be read without the rest.
    op.execute("ALTER TABLE upload_digests ALTER COLUMN digests SET STORAGE EXTERNAL")
    op.add_column("doomed_blobs", sa.Column("multipart_id", sa.Text))
    op.create_table_comment(
        "doomed_blobs",
        "Objects to delete, or to move to quarantine first, and parts to abort; worked off outside of transactions.",
    )
