"""The change feed is compacted, and reaches back no further than so many entries.

Revision ID: 0017
Revises: 0016
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from coffer_chassis.tables import Id, Instant

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("changes_of_item", "changes", ["item_id"])
    op.create_table(
        "feed_floors",
        sa.Column("owner_id", Id, primary_key=True),
        sa.Column("xid", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        comment="Feeds that became too long, with the place up to which their entries are gone: earlier cursors are refused.",
    )
    op.create_table(
        "feed_compaction",
        sa.Column("is_only", sa.Boolean, primary_key=True, server_default=sa.text("true")),
        sa.Column("compacted_until", Instant, nullable=False),
        sa.CheckConstraint("is_only", name="feed_compaction_only"),
        comment="One row: up to when entries of the change feed were compacted.",
    )
