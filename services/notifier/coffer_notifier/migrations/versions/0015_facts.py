"""Facts are kept for a while, to be read again.

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
    xid = sa.text("pg_current_xact_id()::text::bigint")
    op.create_table(
        "facts",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("xid", sa.BigInteger, nullable=False, server_default=xid),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("fact", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        comment="Facts that outside subscribers may be told, as they came, in the order in which they did.",
    )
    op.create_index("facts_at", "facts", ["at"])
    op.create_table(
        "fact_keys",
        sa.Column("key", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("xid", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        comment="By whom facts are found: people whom they concern, and items that somebody was given by then.",
    )
    op.create_index("fact_keys_of_fact", "fact_keys", ["position"])
