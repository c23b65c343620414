"""Previews that are to be made, worked off in turns of their owners.

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    identifier, instant = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    op.create_table(
        "preview_jobs",
        sa.Column("version_id", identifier, primary_key=True),
        sa.Column("blob_id", identifier, nullable=False),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("lease", identifier),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("told_early", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("deaths", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("queued_at", instant, nullable=False),
        comment="Previews that are to be made. The lowest turn is next; a row goes when its preview is told.",
    )
    op.create_index("preview_jobs_turn", "preview_jobs", ["turn", "version_id"])
    op.create_index("preview_jobs_owner", "preview_jobs", ["owner_id", "turn"])
    op.create_index("preview_jobs_held", "preview_jobs", ["turn"], postgresql_where=sa.text("lease IS NOT NULL"))
    op.create_index("preview_jobs_due", "preview_jobs", ["due_at"])
    op.create_index("preview_jobs_blob", "preview_jobs", ["blob_id"])
