"""Uploads that are not committed are found among many that are.

Revision ID: 0020
Revises: 0019
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    not_committed = sa.text("state <> 'committed'")
    op.create_index("uploads_of_uploader_open", "uploads", ["uploader_id", "id"], postgresql_where=not_committed)
    op.create_index("uploads_into_drive_open", "uploads", ["owner_id", "id"], postgresql_where=not_committed)
