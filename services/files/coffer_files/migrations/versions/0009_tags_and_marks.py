"""Tags of items, and what items are to single people: favourites and what they had to do with lately.

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    identifier, instant, key = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True), sa.Text(collation="C")
    # Constants as defaults: no row is rewritten.
    op.add_column("items", sa.Column("tags", sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")))
    op.add_column("items", sa.Column("tag_keys", sa.ARRAY(key), nullable=False, server_default=sa.text("'{}'")))
    tagged = sa.text("trashed_at IS NULL AND tag_keys <> '{}'")
    op.create_index("items_tagged", "items", ["parent_id", "kind", "name_key"], postgresql_where=tagged)
    op.create_index("items_tagged_in_drive", "items", ["owner_id"], postgresql_where=tagged)
    op.create_table(
        "marks",
        sa.Column("user_id", identifier, nullable=False),
        sa.Column("item_id", identifier, nullable=False),
        sa.Column("favourite_at", instant),
        sa.Column("touched_at", instant),
        sa.PrimaryKeyConstraint("user_id", "item_id"),
        comment=(
            "What items are to single people: favourites, and when they last had to do with one. Written beside the items, "
            "without locking them; a row whose item is gone shows nowhere and is forgotten in time."
        ),
    )
    op.create_index("marks_of_item", "marks", ["item_id"])
    favourite = sa.text("favourite_at IS NOT NULL")
    op.create_index("marks_favourite", "marks", ["user_id", "favourite_at", "item_id"], postgresql_where=favourite)
    recent = sa.text("touched_at IS NOT NULL")
    op.create_index("marks_recent", "marks", ["user_id", "touched_at", "item_id"], postgresql_where=recent)
    op.create_index("marks_old", "marks", ["touched_at"], postgresql_where=sa.text("favourite_at IS NULL"))
