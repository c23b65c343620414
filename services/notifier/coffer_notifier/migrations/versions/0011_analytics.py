"""Usage figures per day, and what they are folded from.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    identifier, no = sa.Uuid(as_uuid=False), sa.text("false")
    op.create_table(
        "analytics_marks",
        sa.Column("key", identifier, primary_key=True),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("closes_on", sa.Date),
        sa.Column("owner_id", identifier),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("is_counted", sa.Boolean, nullable=False, server_default=no),
        comment="What happened once, by a digest of what it was; kept while another fact may tell of it again.",
    )
    op.create_index("analytics_marks_waiting", "analytics_marks", ["day"], postgresql_where=sa.text("NOT is_counted"))
    aging = sa.text("closes_on IS NOT NULL")
    op.create_index("analytics_marks_age", "analytics_marks", ["closes_on"], postgresql_where=aging)
    op.create_table(
        "analytics_items",
        sa.Column("item_id", identifier, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("created_on", sa.Date, nullable=False),
        sa.Column("is_gone", sa.Boolean, nullable=False),
        sa.Column("is_base", sa.Boolean, nullable=False, server_default=no),
        sa.Column("is_counted", sa.Boolean, nullable=False, server_default=no),
        sa.Column("counted_owner", identifier),
        sa.Column("counted_kind", sa.Text),
        sa.Column("counted_bytes", sa.BigInteger),
        sa.Column("counted_from", sa.Date),
        sa.Column("counted_until", sa.Date),
        comment="How each item stood at the end of each day on which it changed, and what of that is counted; of days that are"
        " closed the last one only.",
    )
    op.create_index("analytics_items_waiting", "analytics_items", ["item_id"], postgresql_where=sa.text("NOT is_counted"))
    op.create_index("analytics_items_age", "analytics_items", ["day"], postgresql_where=sa.text("NOT is_base"))
    op.create_table(
        "analytics_days",
        sa.Column("scope", identifier, primary_key=True),
        sa.Column("series", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("detail", sa.Text, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        comment="The figures: per day in UTC, of all drives together and of each. What is stored stands here as what was added"
        " that day; what was before all days on 1970-01-01.",
    )
    op.create_index("analytics_days_age", "analytics_days", ["day"])
    op.create_table(
        "analytics_closed_drives",
        sa.Column("owner_id", identifier, primary_key=True),
        comment="Owners whose accounts are closed and whose figures are to go.",
    )
    state = op.create_table(
        "analytics_state",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("marks_from", sa.Date, nullable=False),
        sa.Column("items_from", sa.Date, nullable=False),
        sa.Column("kept_from", sa.Date, nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True)),
        sa.Column("anew_since", sa.DateTime(timezone=True)),
        comment="One row: from which day on marks, standings and figures are all there, and up to when all was counted.",
    )
    first = sa.func.to_date("1970-01-02", "YYYY-MM-DD")
    op.execute(sa.insert(state).values(id=1, marks_from=first, items_from=first, kept_from=first))
