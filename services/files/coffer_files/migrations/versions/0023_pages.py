"""Pages of documents are shown to those who turn to them.

Revision ID: 0023
Revises: 0022
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    identifier = sa.Uuid(as_uuid=False)
    op.create_table(
        "page_pictures",
        sa.Column("blob_id", identifier, sa.ForeignKey("blobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True),
        sa.Column("box_pixels", sa.Integer, primary_key=True),
        sa.Column("mime_type", sa.Text, primary_key=True),
        sa.Column("id", identifier, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asks", sa.Integer, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("key", sa.Text),
        sa.Column("reason", sa.Text),
        sa.CheckConstraint("page > 1", name="page_pictures_first_page_is_the_preview"),
        comment=(
            "Pictures of further pages of documents that somebody turned to: where each lies, or why there is none. "
            "Without either it is waited for. `sequence` is that of the answer."
        ),
    )
    waited_for = sa.text("key IS NULL AND reason IS NULL")
    op.create_index("page_pictures_awaited", "page_pictures", ["blob_id", "asked_at"], postgresql_where=waited_for)
