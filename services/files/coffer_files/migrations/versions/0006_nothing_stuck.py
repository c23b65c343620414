"""No upload waits without an end, and the bucket is compared with the store.

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    identifier, instant = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    op.add_column("uploads", sa.Column("asked_event_id", identifier))
    op.add_column("uploads", sa.Column("retries", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("uploads", sa.Column("retried_at", instant))
    # What waited for its turn had no deadline before.
    op.execute(
        "UPDATE uploads SET deadline_at = changed_at + interval '7 days' "
        "WHERE state = 'received' AND dispatched_at IS NULL AND deadline_at IS NULL"
    )
    # The index of everything received made each verdict read all that waits; these two end at the first entry.
    op.create_index(
        "uploads_in_line",
        "uploads",
        ["owner_id", "changed_at", "id"],
        postgresql_where=sa.text("state = 'received' AND dispatched_at IS NULL"),
    )
    op.create_index(
        "uploads_in_check",
        "uploads",
        ["owner_id"],
        postgresql_where=sa.text("state = 'received' AND dispatched_at IS NOT NULL"),
    )
    op.drop_index("uploads_waiting", "uploads")
    op.add_column("versions", sa.Column("preview_started_at", instant))
    # Without it every stored object that is purged looks through all versions for one that still refers to it.
    op.create_index("versions_of_blob", "versions", ["blob_id"])
    op.create_index(
        "versions_without_preview", "versions", ["created_at"], postgresql_where=sa.text("preview_status = 'pending'")
    )
    # By code point, as the bucket lists keys: then the unique index serves for walking both side by side.
    op.execute('ALTER TABLE blobs ALTER COLUMN key TYPE text COLLATE "C"')
    op.create_table(
        "reconciliations",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("prefixes", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("repair", sa.Boolean, nullable=False),
        sa.Column("grace_seconds", sa.BigInteger, nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text),
        sa.Column("requested_at", instant, nullable=False),
        sa.Column("started_at", instant),
        sa.Column("finished_at", instant),
        sa.Column("failed_at", instant),
        sa.Column("error", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("lease", identifier),
        sa.Column("leased_until", instant, nullable=False),
        sa.Column("place", JSONB, nullable=False),
        sa.Column("counts", JSONB, nullable=False),
        sa.Column("samples", JSONB, nullable=False),
        comment="Comparisons of the bucket with the store; one that neither finished nor failed is taken up where it was left.",
    )
    op.create_index(
        "reconciliations_one_at_a_time",
        "reconciliations",
        [sa.text("(true)")],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL AND failed_at IS NULL"),
    )
    op.create_index("reconciliations_by_time", "reconciliations", ["requested_at"])
