"""Notices that speak of several facts, and what people want to be told.

Revision ID: 0008
Revises: 0007
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant, identifier = sa.DateTime(timezone=True), sa.Uuid(as_uuid=False)
    op.add_column("notices", sa.Column("in_app", sa.Boolean, nullable=False, server_default=sa.text("true")))
    op.add_column("notices", sa.Column("gather_key", sa.Text))
    op.add_column("notices", sa.Column("facts_count", sa.Integer, nullable=False, server_default=sa.text("1")))
    op.add_column("notices", sa.Column("first_at", instant))
    is_open = sa.text("gather_key IS NOT NULL AND read_at IS NULL AND deleted_at IS NULL")
    op.create_index("notices_open", "notices", ["user_id", "gather_key"], unique=True, postgresql_where=is_open)
    op.drop_index("notices_of_user", "notices")
    op.drop_index("notices_unread", "notices")
    shown = sa.text("deleted_at IS NULL AND in_app")
    op.create_index("notices_of_user", "notices", ["user_id", "created_at", "id"], postgresql_where=shown)
    unread = sa.text("read_at IS NULL AND deleted_at IS NULL AND in_app")
    op.create_index("notices_unread", "notices", ["user_id", "created_at"], postgresql_where=unread)
    op.create_table(
        "gathered_facts",
        sa.Column("user_id", identifier, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("notice_id", identifier, sa.ForeignKey("notices.id", ondelete="CASCADE"), nullable=False),
        comment="Which facts a notice about several speaks of; each once per person, for as long as that notice is known.",
    )
    op.create_index("gathered_facts_of_notice", "gathered_facts", ["notice_id"])
    op.create_table(
        "preferences",
        sa.Column("user_id", identifier, primary_key=True),
        sa.Column("choices", JSONB, nullable=False),
        sa.Column("quiet_hours", JSONB),
        sa.Column("locale", sa.Text),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        comment="By what people want to be told of what; choices hold only what differs from the defaults.",
    )
