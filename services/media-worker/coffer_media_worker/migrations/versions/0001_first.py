"""Verdicts, previews, tombstones of items."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.migrations import create_chassis_tables_v1

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_chassis_tables_v1()
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    op.create_table(
        "verdicts",
        sa.Column("upload_id", identifier, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("mime_type", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("judged_at", instant, nullable=False),
    )
    op.create_table(
        "previews",
        sa.Column("version_id", identifier, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("item_id", identifier, nullable=False),
        sa.Column("blob_id", identifier, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("images", JSONB, nullable=False),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("placeholder", sa.Text),
        sa.Column("finished_at", instant, nullable=False),
    )
    op.create_index("previews_blob", "previews", ["blob_id"])
    op.create_index("previews_item", "previews", ["item_id"])
    op.create_table(
        "gone_items",
        sa.Column("item_id", identifier, primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("gone_at", instant, nullable=False),
    )
