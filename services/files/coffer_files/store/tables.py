"""The tables. What a row may become is the domain's business; how it is read and written stands in the files beside this.

Order of locks, the same everywhere so that nobody waits in a circle: drive, upload, folder above, item.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.copies.grants import grants_table
from coffer_chassis.revocations import revocations_table
from coffer_chassis.tables import Id, Instant, chassis_tables

metadata = MetaData(naming_convention={"ck": "%(table_name)s_%(constraint_name)s"})
chassis = chassis_tables(metadata)
revocations = revocations_table(metadata)
grants = grants_table(metadata)

Key = Text(collation="C")
"""Text that sorts by code point: the same order on every system, and LIKE prefixes can use the index."""

LIVE = text("trashed_at IS NULL")

users = Table(
    "users",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("username", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("quota_bytes", BigInteger),
    comment="Copy of what auth publishes about people; sequence keeps a late older fact out.",
)

drives = Table(
    "drives",
    metadata,
    Column("owner_id", Id, primary_key=True),
    Column("root_id", Id, nullable=False, unique=True),
    Column("quota_bytes", BigInteger, nullable=False),
    Column("used_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("reserved_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("feed_epoch", BigInteger, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("used_bytes >= 0", name="used_is_not_negative"),
    CheckConstraint("reserved_bytes >= 0", name="reserved_is_not_negative"),
    comment="One per owner: where the tree begins, what is used and what unfinished uploads have reserved.",
)

blobs = Table(
    "blobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("key", Key, nullable=False, unique=True),
    Column("etag", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("refcount", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("refcount >= 0", name="refcount_is_not_negative"),
    comment="Stored objects that versions refer to.",
)

items = Table(
    "items",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("parent_id", Id, ForeignKey("items.id")),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Key),
    Column("revision", BigInteger, nullable=False),
    Column("version_id", Id),
    Column("size_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("mime_type", Text),
    Column("media_kind", Text),
    Column("flags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("content_hash", Text),
    Column("preview_status", Text, nullable=False, server_default=text("'none'")),
    Column("preview_reason", Text),
    Column("created_by", Id, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("modified_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("trashed_at", Instant),
    # A trashed item has no key, so one full index is the rule of names, the order of listings and the foreign key's way
    # down; children of a trashed folder keep theirs.
    UniqueConstraint("parent_id", "name_key", name="items_name"),
    CheckConstraint("(trashed_at IS NULL) = (name_key IS NOT NULL)", name="key_while_live"),
    CheckConstraint("(kind = 'file') = (version_id IS NOT NULL)", name="files_have_versions"),
    Index("items_by_name", "parent_id", "kind", "name_key", postgresql_where=LIVE),
    Index("items_by_modified", "parent_id", "kind", "modified_at", "id", postgresql_where=LIVE),
    Index("items_by_created", "parent_id", "kind", "created_at", "id", postgresql_where=LIVE),
    Index("items_by_size", "parent_id", "kind", "size_bytes", "id", postgresql_where=LIVE),
    Index("items_in_trash", "owner_id", "trashed_at", "id", postgresql_where=text("trashed_at IS NOT NULL")),
    comment="Files and folders. A file carries what listings show of its current version.",
)

versions = Table(
    "versions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("item_id", Id, ForeignKey("items.id"), nullable=False),
    Column("blob_id", Id, ForeignKey("blobs.id"), nullable=False),
    Column("upload_id", Id, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("media_kind", Text, nullable=False),
    Column("flags", ARRAY(Text), nullable=False),
    Column("content_hash", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("created_by", Id, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("modified_at", Instant, nullable=False),
    Column("preview_status", Text, nullable=False),
    Column("preview_reason", Text),
    Column("preview_images", JSONB, nullable=False, server_default=text("'[]'")),
    Column("placeholder", Text),
    Column("preview_sequence", BigInteger, nullable=False, server_default=text("0")),
    Column("preview_at", Instant),
    Column("preview_started_at", Instant),
    Index("versions_of_item", "item_id", "created_at"),
    Index("versions_of_blob", "blob_id"),
    Index("versions_without_preview", "created_at", postgresql_where=text("preview_status = 'pending'")),
    comment="Every content a file has had, with its previews.",
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("uploader_id", Id, nullable=False),
    Column("parent_id", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("conflict", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("blob_id", Id, nullable=False, unique=True),
    Column("blob_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("deadline_at", Instant),
    Column("target_id", Id),
    Column("base_version_id", Id),
    Column("claimed_mime_type", Text),
    Column("modified_at", Instant),
    Column("content_hash", Text),
    Column("checksum_sha256", Text),
    Column("reason", Text),
    Column("detail", Text),
    Column("etag", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("dispatched_at", Instant),
    Column("asked_event_id", Id),
    Column("retries", Integer, nullable=False, server_default=text("0")),
    Column("retried_at", Instant),
    Column("verdict", JSONB),
    Column("item_id", Id),
    Column("version_id", Id),
    Column("suggested_name", Text),
    Column("steps", JSONB, nullable=False, server_default=text("'[]'")),
    Column("actor_kind", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("traceparent", Text),
    Column("check_at", Instant),
    Index("uploads_of_uploader", "uploader_id", "id"),
    Index("uploads_into_drive", "owner_id", "id"),
    Index("uploads_due", "deadline_at", postgresql_where=text("deadline_at IS NOT NULL")),
    Index("uploads_unseen", "check_at", postgresql_where=text("state = 'created'")),
    Index(
        "uploads_in_line",
        "owner_id",
        "changed_at",
        "id",
        postgresql_where=text("state = 'received' AND dispatched_at IS NULL"),
    ),
    Index("uploads_in_check", "owner_id", postgresql_where=text("state = 'received' AND dispatched_at IS NOT NULL")),
    Index("uploads_ended", "changed_at", postgresql_where=text("deadline_at IS NULL AND state <> 'received'")),
    comment="Uploads on their way; check_at is when the sweeper looks into the bucket for one whose bytes nobody reported.",
)

changes = Table(
    "changes",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("xid", BigInteger, nullable=False, server_default=text("pg_current_xact_id()::text::bigint")),
    Column("item_id", Id, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor_id", Text),
    Column("at", Instant, nullable=False),
    Column("scope", ARRAY(Id)),
    Index("changes_of_drive", "owner_id", "xid", "position"),
    Index("changes_at", "at"),
    comment=(
        "The change feed: one row for every write to an item, and one for whoever an item is shared with. `scope` is the item "
        "with the folders above it before and after. Read up to the oldest running transaction only."
    ),
)

doomed_blobs = Table(
    "doomed_blobs",
    metadata,
    Column("key", Text, primary_key=True),
    Column("quarantine_key", Text),
    Column("reason", Text, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text),
    Column("created_at", Instant, nullable=False),
    Index("doomed_blobs_due", "not_before"),
    comment="Objects to delete, or to move to quarantine first; worked off outside of transactions.",
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("prefixes", ARRAY(Text), nullable=False),
    Column("repair", Boolean, nullable=False),
    Column("grace_seconds", BigInteger, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text),
    Column("requested_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("failed_at", Instant),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("lease", Id),
    Column("leased_until", Instant, nullable=False),
    Column("place", JSONB, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("samples", JSONB, nullable=False),
    Index(
        "reconciliations_one_at_a_time",
        text("(true)"),
        unique=True,
        postgresql_where=text("finished_at IS NULL AND failed_at IS NULL"),
    ),
    Index("reconciliations_by_time", "requested_at"),
    comment="Comparisons of the bucket with the store; one that neither finished nor failed is taken up where it was left.",
)
