"""Comments, and how many an item has.

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    op.create_table(
        "comments",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("item_id", identifier, nullable=False),
        sa.Column("thread_id", identifier, nullable=False),
        sa.Column("is_reply", sa.Boolean, nullable=False),
        sa.Column("author_id", identifier),
        sa.Column("text", sa.Text),
        sa.Column("mentioned", sa.ARRAY(identifier), nullable=False),
        sa.Column("anchor_page", sa.Integer),
        sa.Column("anchor_x", sa.Double),
        sa.Column("anchor_y", sa.Double),
        sa.Column("replies", sa.Integer, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("edited_at", instant),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("resolved_at", instant),
        sa.Column("resolved_by", identifier),
        sa.Column("deleted_at", instant),
        sa.CheckConstraint(
            "CASE WHEN deleted_at IS NULL THEN author_id IS NOT NULL AND text IS NOT NULL "
            "ELSE author_id IS NULL AND text IS NULL AND NOT is_reply END",
            name="comments_deleted_without_text_and_author",
        ),
        sa.CheckConstraint("is_reply = (id <> thread_id)", name="comments_reply_to_another"),
        sa.CheckConstraint("(resolved_at IS NULL) = (resolved_by IS NULL)", name="comments_resolved_by_somebody"),
        comment="What people say about items. One that was deleted stays, without text and author, while it has replies.",
    )
    op.create_index("comments_of_item", "comments", ["item_id", "thread_id", "is_reply", "id"])
    op.create_table(
        "commented",
        sa.Column("item_id", identifier, primary_key=True),
        sa.Column("comments", sa.Integer, nullable=False),
        sa.Column("gone_at", instant),
        comment="How many comments an item has; with the time at which it was gone for good, after which they are removed.",
    )
    op.create_index("commented_gone", "commented", ["gone_at"], postgresql_where=sa.text("gone_at IS NOT NULL"))
