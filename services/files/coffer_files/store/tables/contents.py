"""Contents: stored objects, the versions that refer to them, and what of them is to go."""

from sqlalchemy import ARRAY, BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import Key, metadata

NOT_KEPT = text("replaced_at IS NOT NULL AND label IS NULL AND NOT keep_forever")
"""What retention may delete."""

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
    Column("content_hash", Text),
    Column("facts", JSONB),
    CheckConstraint("refcount >= 0", name="refcount_is_not_negative"),
    Index("blobs_by_content", "owner_id", "content_hash", postgresql_where=text("content_hash IS NOT NULL")),
    Index("blobs_located", "owner_id", "id", postgresql_where=text("facts ? 'location'")),
    comment="Stored objects that versions refer to.",
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
    Column("replaced_at", Instant),
    Column("label", Text),
    Column("keep_forever", Boolean, nullable=False, server_default=text("false")),
    Index("versions_of_item", "item_id", "created_at"),
    Index("versions_of_blob", "blob_id"),
    Index("versions_without_preview", "created_at", postgresql_where=text("preview_status = 'pending'")),
    Index("versions_not_kept", "item_id", "replaced_at", postgresql_where=NOT_KEPT),
    comment="Every content a file has had, with its previews. The current one is the one that nothing has replaced.",
)

preview_requests = Table(
    "preview_requests",
    metadata,
    Column("version_id", Id, ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("requested_at", Instant),
    Column("asked_at", Instant),
    Column("jpeg_asked_at", Instant),
    Column("jpeg_asks", Integer, nullable=False, server_default=text("0")),
    comment=(
        "What the media worker was asked about versions beyond what it hears anyway: since when a preview is waited for "
        "anew, when that was said last, and the same of pictures as JPEG. `sequence` counts the requests."
    ),
)

page_pictures = Table(
    "page_pictures",
    metadata,
    Column("blob_id", Id, ForeignKey("blobs.id", ondelete="CASCADE"), primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("box_pixels", Integer, primary_key=True),
    Column("mime_type", Text, primary_key=True),
    Column("id", Id, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("asks", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False, server_default=text("0")),
    Column("key", Text),
    Column("reason", Text),
    CheckConstraint("page > 1", name="first_page_is_the_preview"),
    Index("page_pictures_awaited", "blob_id", "asked_at", postgresql_where=text("key IS NULL AND reason IS NULL")),
    comment=(
        "Pictures of further pages of documents that somebody turned to: where each lies, or why there is none. Without either "
        "it is waited for. `sequence` is that of the answer."
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
    Column("multipart_id", Text),
    Index("doomed_blobs_due", "not_before"),
    comment="Objects to delete, or to move to quarantine first, and parts to abort; worked off outside of transactions.",
)
