"""Visitors of public links send files: each upload knows the session that sends it, and what the visitor calls themselves.

Revision ID: 0022
Revises: 0021
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("session_id", sa.Text))
    op.add_column("uploads", sa.Column("uploader_name", sa.Text))
    op.create_index("uploads_of_session", "uploads", ["session_id", "id"], postgresql_where=sa.text("session_id IS NOT NULL"))
    op.create_index(
        "uploads_of_link_open",
        "uploads",
        ["uploader_id"],
        postgresql_where=sa.text("actor_kind = 'link' AND deadline_at IS NOT NULL"),
    )
