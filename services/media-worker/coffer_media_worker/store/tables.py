"""The tables of the media worker: verdicts given, previews made, items that are gone, photos answered."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.revocations import revocations_table
from coffer_chassis.tables import Id, Instant, chassis_tables

metadata = MetaData()
chassis = chassis_tables(metadata)
revocations = revocations_table(metadata)

verdicts = Table(
    "verdicts",
    metadata,
    Column("upload_id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("etag", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("reason", Text),
    Column("judged_at", Instant, nullable=False),
)

previews = Table(
    "previews",
    metadata,
    Column("version_id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("item_id", Id, nullable=False),
    Column("blob_id", Id, nullable=False),
    Column("reason", Text),
    Column("images", JSONB, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("placeholder", Text),
    Column("finished_at", Instant, nullable=False),
    Index("previews_blob", "blob_id"),
    Index("previews_item", "item_id"),
)

preview_jobs = Table(
    "preview_jobs",
    metadata,
    Column("version_id", Id, primary_key=True),
    Column("blob_id", Id, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("lease", Id),
    Column("due_at", Instant, nullable=False),
    Column("told_early", Boolean, nullable=False, server_default=text("false")),
    Column("deaths", Integer, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("queued_at", Instant, nullable=False),
    Column("page_of", Id),
    Index("preview_jobs_turn", "turn", "version_id"),
    Index("preview_jobs_owner", "owner_id", "turn", postgresql_where=text("page_of IS NULL")),
    Index("preview_jobs_pages", "owner_id", "turn", postgresql_where=text("page_of IS NOT NULL")),
    Index("preview_jobs_held", "turn", postgresql_where=text("lease IS NOT NULL")),
    Index("preview_jobs_due", "due_at"),
    Index("preview_jobs_blob", "blob_id"),
    comment=(
        "Previews that are to be made. The lowest turn is next; a row goes when its preview is told. Where `page_of` names the "
        "version, it is one picture of one page, and `version_id` is its own name."
    ),
)

gone_items = Table(
    "gone_items",
    metadata,
    Column("item_id", Id, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("gone_at", Instant, nullable=False),
)

gone_versions = Table(
    "gone_versions",
    metadata,
    Column("version_id", Id, primary_key=True),
    Column("gone_at", Instant, nullable=False),
    comment="Versions that were deleted while their file stayed; a late fact about one of them is void.",
)

photos = Table(
    "photos",
    metadata,
    Column("photo_id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("etag", Text, nullable=False),
    Column("answer", JSONB, nullable=False),
    Column("answered_at", Instant, nullable=False),
    Index("photos_answered", "answered_at"),
    comment="What was answered about photos of people, as it was told; kept as long as somebody may ask again.",
)
