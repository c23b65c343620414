"""Public links, what visitors did with them, and the keys that sign their sessions.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sealed_private_key", sa.LargeBinary, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("usable_from", instant, nullable=False),
        sa.Column("needed_until", instant),
    )
    op.create_table(
        "links",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("family_id", identifier, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("item_id", identifier, nullable=False),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("created_by", identifier, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("password_hash", sa.Text),
        sa.Column("expires_at", instant),
        sa.Column("max_downloads", sa.Integer),
        sa.Column("downloads", sa.Integer, nullable=False),
        sa.Column("notify_on_upload", sa.Boolean, nullable=False),
        sa.Column("disabled_at", instant),
        sa.Column("expired_at", instant),
        sa.Column("taken_down_at", instant),
        sa.Column("takedown_reason", sa.Text),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("ended_at", instant),
        sa.Column("end_reason", sa.Text),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="links_ended_for_a_reason"),
        comment="Public links. Its id is that of its grant; the digest is of the token in its address, which stands nowhere.",
    )
    active = sa.text("ended_at IS NULL")
    expiring = sa.text(
        "ended_at IS NULL AND expired_at IS NULL AND disabled_at IS NULL AND taken_down_at IS NULL AND expires_at IS NOT NULL"
    )
    op.create_index("links_by_digest", "links", ["digest"], unique=True)
    op.create_index("links_of_item", "links", ["item_id", "created_at", "id"], postgresql_where=active)
    op.create_index("links_by_maker", "links", ["created_by", "created_at", "id"], postgresql_where=active)
    op.create_index("links_expiring", "links", ["expires_at"], postgresql_where=expiring)
    op.create_index("links_ended", "links", ["ended_at"], postgresql_where=sa.text("ended_at IS NOT NULL"))
    op.create_table(
        "link_accesses",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("link_id", identifier, sa.ForeignKey("links.id", ondelete="CASCADE"), nullable=False),
        sa.Column("minute", instant, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("program", sa.Text, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("last_at", instant, nullable=False),
        comment="What visitors did with a link, by the minute: one row for a network and a kind of program, however often.",
    )
    once = ["link_id", "minute", "action", "network", "program"]
    op.create_index("link_accesses_once", "link_accesses", once, unique=True)
    op.create_index("link_accesses_of_link", "link_accesses", ["link_id", "last_at", "id"])
    op.create_index("link_accesses_minute", "link_accesses", ["minute"])
