"""Photos of people.

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)
ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.add_column("users", sa.Column("photo", sa.Text))
    for name in ("photo_number", "photos_sent"):
        op.add_column("users", sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0")))
    op.create_table(
        "photos",
        sa.Column("id", ID, primary_key=True),
        sa.Column("user_id", ID, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("mime_type", sa.Text),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("asked_at", INSTANT),
        sa.Column("received_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.Column("reason", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("looked_at", INSTANT, nullable=False, server_default=sa.text("now()")),
        comment="Photos on their way from people to the media worker, and for a while what became of them.",
    )
    op.create_index("photos_of_user", "photos", ["user_id", "number"], unique=True)
    waiting = sa.text("state IN ('created', 'received')")
    op.create_index("photos_waiting", "photos", ["looked_at"], postgresql_where=waiting)
    op.create_index("photos_ended", "photos", ["ended_at"])
    op.create_table(
        "doomed_objects",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("not_before", INSTANT, nullable=False),
        comment="Objects that are to be deleted: originals, and squares that nobody shows any more.",
    )
    op.create_index("doomed_objects_due", "doomed_objects", ["not_before"])
