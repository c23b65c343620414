"""Live streams of a person are counted over all processes.

Revision ID: 0013
Revises: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    identifier = sa.Uuid(as_uuid=False)
    op.create_table(
        "stream_processes",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        comment="Processes that serve live streams, and when they were last heard of.",
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "stream_seats",
        sa.Column("user_id", identifier, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("process_id", identifier, nullable=False),
        comment="Live streams that are open: so many seats for each person, and which process serves them.",
        prefixes=["UNLOGGED"],
    )
