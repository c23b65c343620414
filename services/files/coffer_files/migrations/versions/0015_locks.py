"""Locks on items.

Revision ID: 0015
Revises: 0014
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    identifier, instant = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    op.create_table(
        "locks",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("item_id", identifier, nullable=False),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("depth", sa.Text, nullable=False),
        sa.Column("owner_info", sa.Text),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.UniqueConstraint("item_id", "holder", name="locks_of_item"),
        comment="Who keeps others from writing to an item, and until when; one that has ended may stand here for a while.",
    )
    op.create_index("locks_in_drive", "locks", ["owner_id", "expires_at"])
    op.create_index("locks_ended", "locks", ["expires_at"])
