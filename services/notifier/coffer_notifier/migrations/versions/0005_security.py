"""Facts about accounts in audit and activity, and where people sign in from.

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
    identifier, instant = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    op.add_column("audit_entries", sa.Column("user_id", identifier))
    for table in ("audit_entries", "activity"):
        op.add_column(table, sa.Column("address", sa.Text))
        op.add_column(table, sa.Column("agent", sa.Text))
    of_user = sa.text("user_id IS NOT NULL")
    op.create_index("audit_entries_of_user", "audit_entries", ["user_id", "at", "id"], postgresql_where=of_user)
    for column in ("item_id", "item_kind", "item_name"):
        op.alter_column("activity", column, nullable=True)
    op.create_table(
        "known_sign_ins",
        sa.Column("user_id", identifier, primary_key=True),
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("first_seen_at", instant, nullable=False),
        sa.Column("last_seen_at", instant, nullable=False),
        comment="Kinds of devices and networks that people signed in from, as digests, so that something new stands out.",
    )
    op.create_index("known_sign_ins_age", "known_sign_ins", ["last_seen_at"])
