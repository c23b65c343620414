"""The tables of the first release.

Revision ID: 0001
Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.migrations import create_chassis_tables_v1

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    create_chassis_tables_v1()
    op.create_table(
        "users",
        sa.Column("user_id", identifier, primary_key=True),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        comment="Copy of what auth publishes about people; sequence keeps a late older fact out.",
    )
    op.create_table(
        "drives",
        sa.Column("owner_id", identifier, primary_key=True),
        sa.Column("root_id", identifier, nullable=False, unique=True),
        sa.Column("quota_bytes", sa.BigInteger, nullable=False),
        sa.Column("used_bytes", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("reserved_bytes", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("feed_epoch", sa.BigInteger, nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", instant, nullable=False),
        sa.CheckConstraint("used_bytes >= 0", name="drives_used_is_not_negative"),
        sa.CheckConstraint("reserved_bytes >= 0", name="drives_reserved_is_not_negative"),
        comment="One per owner: where the tree begins, what is used and what unfinished uploads have reserved.",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "blobs",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("refcount", sa.Integer, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.CheckConstraint("refcount >= 0", name="blobs_refcount_is_not_negative"),
        comment="Stored objects that versions refer to.",
    )
    op.create_table(
        "items",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("parent_id", identifier, sa.ForeignKey("items.id")),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text(collation="C")),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("version_id", identifier),
        sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("mime_type", sa.Text),
        sa.Column("media_kind", sa.Text),
        sa.Column("flags", sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("content_hash", sa.Text),
        sa.Column("preview_status", sa.Text, nullable=False, server_default=sa.text("'none'")),
        sa.Column("preview_reason", sa.Text),
        sa.Column("created_by", identifier, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("modified_at", instant, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("trashed_at", instant),
        sa.UniqueConstraint("parent_id", "name_key", name="items_name"),
        sa.CheckConstraint("(trashed_at IS NULL) = (name_key IS NOT NULL)", name="items_key_while_live"),
        sa.CheckConstraint("(kind = 'file') = (version_id IS NOT NULL)", name="items_files_have_versions"),
        comment="Files and folders. A file carries what listings show of its current version.",
    )
    live = sa.text("trashed_at IS NULL")
    op.create_index("items_by_name", "items", ["parent_id", "kind", "name_key"], postgresql_where=live)
    op.create_index("items_by_modified", "items", ["parent_id", "kind", "modified_at", "id"], postgresql_where=live)
    op.create_index("items_by_created", "items", ["parent_id", "kind", "created_at", "id"], postgresql_where=live)
    op.create_index("items_by_size", "items", ["parent_id", "kind", "size_bytes", "id"], postgresql_where=live)
    op.create_index(
        "items_in_trash", "items", ["owner_id", "trashed_at", "id"], postgresql_where=sa.text("trashed_at IS NOT NULL")
    )
    op.create_table(
        "versions",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("item_id", identifier, sa.ForeignKey("items.id"), nullable=False),
        sa.Column("blob_id", identifier, sa.ForeignKey("blobs.id"), nullable=False),
        sa.Column("upload_id", identifier, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("mime_type", sa.Text, nullable=False),
        sa.Column("media_kind", sa.Text, nullable=False),
        sa.Column("flags", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("content_hash", sa.Text),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("created_by", identifier, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("modified_at", instant, nullable=False),
        sa.Column("preview_status", sa.Text, nullable=False),
        sa.Column("preview_reason", sa.Text),
        sa.Column("preview_images", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("placeholder", sa.Text),
        sa.Column("preview_sequence", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("preview_at", instant),
        comment="Every content a file has had, with its previews.",
    )
    op.create_index("versions_of_item", "versions", ["item_id", "created_at"])
    op.create_table(
        "uploads",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("uploader_id", identifier, nullable=False),
        sa.Column("parent_id", identifier, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("conflict", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("blob_id", identifier, nullable=False, unique=True),
        sa.Column("blob_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("deadline_at", instant),
        sa.Column("base_version_id", identifier),
        sa.Column("claimed_mime_type", sa.Text),
        sa.Column("modified_at", instant),
        sa.Column("content_hash", sa.Text),
        sa.Column("checksum_sha256", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("etag", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("dispatched_at", instant),
        sa.Column("verdict", JSONB),
        sa.Column("item_id", identifier),
        sa.Column("version_id", identifier),
        sa.Column("suggested_name", sa.Text),
        sa.Column("steps", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("check_at", instant),
        comment="Uploads on their way; check_at is when the sweeper looks into the bucket for one whose bytes nobody reported.",
    )
    op.create_index("uploads_of_uploader", "uploads", ["uploader_id", "id"])
    op.create_index("uploads_due", "uploads", ["deadline_at"], postgresql_where=sa.text("deadline_at IS NOT NULL"))
    op.create_index("uploads_unseen", "uploads", ["check_at"], postgresql_where=sa.text("state = 'created'"))
    op.create_index("uploads_waiting", "uploads", ["owner_id", "changed_at"], postgresql_where=sa.text("state = 'received'"))
    op.create_index(
        "uploads_ended",
        "uploads",
        ["changed_at"],
        postgresql_where=sa.text("deadline_at IS NULL AND state <> 'received'"),
    )
    op.create_table(
        "changes",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("xid", sa.BigInteger, nullable=False, server_default=sa.text("pg_current_xact_id()::text::bigint")),
        sa.Column("item_id", identifier, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text),
        sa.Column("at", instant, nullable=False),
        comment="The change feed: one row for every write to an item. Read up to the oldest running transaction only.",
    )
    op.create_index("changes_of_drive", "changes", ["owner_id", "xid", "position"])
    op.create_index("changes_at", "changes", ["at"])
    op.create_table(
        "doomed_blobs",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("quarantine_key", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("not_before", instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("last_error", sa.Text),
        sa.Column("created_at", instant, nullable=False),
        comment="Objects to delete, or to move to quarantine first; worked off outside of transactions.",
    )
    op.create_index("doomed_blobs_due", "doomed_blobs", ["not_before"])
