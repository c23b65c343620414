"""Downloads are told of, tickets of link sessions are used once, and archives are fetched once.

Revision ID: 0014
Revises: 0013
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    identifier, instant = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    op.create_table(
        "downloads_told",
        sa.Column("actor_id", sa.Text, primary_key=True),
        sa.Column("item_id", identifier, primary_key=True),
        sa.Column("version_id", identifier, primary_key=True),
        sa.Column("told_at", instant, nullable=False),
        comment="Whose download of what was last told when; an item without a version stands for its own.",
    )
    op.create_index("downloads_told_at", "downloads_told", ["told_at"])
    op.create_table(
        "used_tickets",
        sa.Column("ticket_id", sa.Text, primary_key=True),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("used_at", instant, nullable=False),
        comment="Tickets of link sessions that were used; each is good for one answer.",
    )
    op.create_index("used_tickets_ended", "used_tickets", ["expires_at"])
    op.create_table(
        "archives",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("grantee", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("item_ids", sa.ARRAY(identifier), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("ticket_sha256", sa.LargeBinary, nullable=False),
        sa.Column("estimated_size", sa.BigInteger, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("used_at", instant),
        comment="Archives that were asked for; each is streamed once, to whoever shows its ticket before it expires.",
    )
    op.create_index("archives_ended", "archives", ["expires_at"])
