"""The tables of the first release.

Revision ID: 0001
Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.copies.first_release import create_grants_v1, create_people_v1, create_revocations_v1, create_tree_v1
from coffer_chassis.migrations import create_chassis_tables_v1

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    create_chassis_tables_v1()
    create_grants_v1()
    create_tree_v1()
    create_people_v1()
    create_revocations_v1()
    op.create_table(
        "notices",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("user_id", identifier, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text),
        sa.Column("item_id", identifier),
        sa.Column("item_kind", sa.Text),
        sa.Column("item_name", sa.Text),
        sa.Column("owner_id", identifier),
        sa.Column("share_id", identifier),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("read_at", instant),
        sa.Column("deleted_at", instant),
        sa.UniqueConstraint("user_id", "event_id", name="notices_once"),
        comment="What people are told, once per person and fact; a deleted one stays, empty, until its time is over.",
    )
    shown = sa.text("deleted_at IS NULL")
    unread = sa.text("read_at IS NULL AND deleted_at IS NULL")
    op.create_index("notices_of_user", "notices", ["user_id", "created_at", "id"], postgresql_where=shown)
    op.create_index("notices_unread", "notices", ["user_id", "created_at"], postgresql_where=unread)
    op.create_index("notices_on_item", "notices", ["item_id"])
    op.create_index("notices_created", "notices", ["created_at"])
    op.create_table(
        "stream",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("xid", sa.BigInteger, nullable=False, server_default=sa.text("pg_current_xact_id()::text::bigint")),
        sa.Column("user_id", identifier, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("at", instant, nullable=False),
        comment="What live streams tell: one row per fact and reader. Read up to the oldest running transaction only.",
    )
    op.create_index("stream_order", "stream", ["xid", "position"])
    op.create_index("stream_of_user", "stream", ["user_id", "xid", "position"])
    op.create_index("stream_at", "stream", ["at"])
    op.create_table(
        "activity",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("at", instant, nullable=False),
        sa.Column("actor_id", sa.Text),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("item_id", identifier, nullable=False),
        sa.Column("item_kind", sa.Text, nullable=False),
        sa.Column("item_name", sa.Text, nullable=False),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("recipient_id", identifier),
        sa.Column("scope", sa.ARRAY(identifier), nullable=False),
        sa.Column("changes", JSONB, nullable=False),
        sa.Column("reason", sa.Text),
        comment="Who did what to which item, once per fact; scope is the item and the folders above it at that time.",
    )
    op.create_index("activity_of_owner", "activity", ["owner_id", "at", "id"])
    op.create_index("activity_of_item", "activity", ["item_id", "at", "id"])
    op.create_index(
        "activity_of_recipient",
        "activity",
        ["recipient_id", "at", "id"],
        postgresql_where=sa.text("recipient_id IS NOT NULL"),
    )
    op.create_index("activity_scope", "activity", ["scope"], postgresql_using="gin")
    op.create_table(
        "mails",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("user_id", identifier, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False, unique=True),
        sa.Column("to_address", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("html", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("not_before", instant, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("ended_at", instant),
        sa.Column("ses_id", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.UniqueConstraint("user_id", "event_id", name="mails_once"),
        comment="Mail to people, once per person and fact. Composed at the first attempt; not_before also ends a claim.",
    )
    waiting = sa.text("state IN ('queued', 'sending')")
    op.create_index("mails_due", "mails", ["not_before"], postgresql_where=waiting)
    op.create_index("mails_created", "mails", ["created_at"])
