"""What people share: a copy of sharing's grants, whom a change concerns, and uploads that go to a file.

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from coffer_chassis.copies.first_release import create_grants_v1

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    create_grants_v1()
    # Whoever may change a file but does not see its folder sends new content to the file itself.
    op.add_column("uploads", sa.Column("target_id", sa.Uuid(as_uuid=False)))
    # Entries from before have none: nobody but the owner could see them.
    op.add_column("changes", sa.Column("scope", sa.ARRAY(sa.Uuid(as_uuid=False))))
    op.create_table_comment(
        "changes",
        "The change feed: one row for every write to an item, and one for whoever an item is shared with. `scope` is the item "
        "with the folders above it before and after. Read up to the oldest running transaction only.",
    )
