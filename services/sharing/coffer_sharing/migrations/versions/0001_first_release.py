"""The tables of the first release.

Revision ID: 0001
Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from coffer_chassis.copies.first_release import create_people_v1, create_revocations_v1, create_tree_v1
from coffer_chassis.migrations import create_chassis_tables_v1

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    create_chassis_tables_v1()
    create_tree_v1()
    create_people_v1()
    create_revocations_v1()
    op.create_table(
        "shares",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("item_id", identifier, nullable=False),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("granted_by", identifier, nullable=False),
        sa.Column("recipient_id", identifier, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("expires_at", instant),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("ended_at", instant),
        sa.Column("end_reason", sa.Text),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="shares_ended_for_a_reason"),
        comment="Who shared what with whom; one that has ended stays for a while. Its id is the id of its grant.",
    )
    active = sa.text("ended_at IS NULL")
    op.create_index("shares_one_per_person", "shares", ["item_id", "recipient_id"], unique=True, postgresql_where=active)
    op.create_index("shares_with_recipient", "shares", ["recipient_id", "created_at", "id"], postgresql_where=active)
    op.create_index("shares_by_sharer", "shares", ["granted_by", "created_at", "id"], postgresql_where=active)
    op.create_index(
        "shares_expiring",
        "shares",
        ["expires_at"],
        postgresql_where=sa.text("ended_at IS NULL AND expires_at IS NOT NULL"),
    )
    op.create_index("shares_ended", "shares", ["ended_at"], postgresql_where=sa.text("ended_at IS NOT NULL"))
