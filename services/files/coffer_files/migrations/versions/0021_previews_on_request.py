"""Previews are asked for anew, pictures as JPEG; owners say whether they want to be told where pictures were taken.

Revision ID: 0021
Revises: 0020
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

REQUESTS = (
    "What the media worker was asked about versions beyond what it hears anyway: since when a preview is waited for "
    "anew, when that was said last, and the same of pictures as JPEG. `sequence` counts the requests."
)
DRIVES_BEFORE = (
    "One per owner: where the tree begins, what unfinished uploads have reserved, and what is used, by kind of the files' "
    "contents and of older versions. Of the trash what is counted so far. `crossings` counts facts about how full it is."
)
DRIVES = f"{DRIVES_BEFORE} `keep_locations` is its owner's wish to be told where pictures were taken."


def upgrade() -> None:
    op.create_table(
        "preview_requests",
        sa.Column("version_id", sa.Uuid(as_uuid=False), sa.ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True)),
        sa.Column("asked_at", sa.DateTime(timezone=True)),
        sa.Column("jpeg_asked_at", sa.DateTime(timezone=True)),
        sa.Column("jpeg_asks", sa.Integer, nullable=False, server_default=sa.text("0")),
        comment=REQUESTS,
    )
    op.create_index("blobs_located", "blobs", ["owner_id", "id"], postgresql_where=sa.text("facts ? 'location'"))
    op.add_column("drives", sa.Column("keep_locations", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.create_table_comment("drives", DRIVES, existing_comment=DRIVES_BEFORE)
