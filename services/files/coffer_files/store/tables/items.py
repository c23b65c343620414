"""The tree: files and folders."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import LIVE, Key, metadata

IN_TRASH = text("trashed_at IS NOT NULL")

FOLDED = (
    "CASE WHEN octet_length(name_key) = char_length(name_key) THEN name_key ELSE regexp_replace(normalize(name_key, NFD), "
    "'[\\u0300-\\u036f\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\ufe20-\\ufe2f]', '', 'g') END"
)
"""A name key without accents, as `domain.searching.fold` makes it. The store does it by itself, so that nothing that writes an
item can forget to.
"""

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
    Column("trash_key", Key),
    Column("trash_bytes", BigInteger),
    Column("trash_files", BigInteger),
    Column("search_key", Key, Computed(FOLDED, persisted=True)),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("tag_keys", ARRAY(Key), nullable=False, server_default=text("'{}'")),
    # A trashed item has no key, so one full index is the rule of names, the order of listings and the foreign key's way
    # down; children of a trashed folder keep theirs.
    UniqueConstraint("parent_id", "name_key", name="items_name"),
    CheckConstraint("(trashed_at IS NULL) = (name_key IS NOT NULL)", name="key_while_live"),
    CheckConstraint("(kind = 'file') = (version_id IS NOT NULL)", name="files_have_versions"),
    Index("items_by_name", "parent_id", "kind", "name_key", postgresql_where=LIVE),
    Index("items_by_modified", "parent_id", "kind", "modified_at", "id", postgresql_where=LIVE),
    Index("items_by_created", "parent_id", "kind", "created_at", "id", postgresql_where=LIVE),
    Index("items_by_size", "parent_id", "kind", "size_bytes", "id", postgresql_where=LIVE),
    Index("items_tagged", "parent_id", "kind", "name_key", postgresql_where=text("trashed_at IS NULL AND tag_keys <> '{}'")),
    Index("items_tagged_in_drive", "owner_id", postgresql_where=text("trashed_at IS NULL AND tag_keys <> '{}'")),
    Index("items_in_trash", "owner_id", "trashed_at", "id", postgresql_where=IN_TRASH),
    Index("items_in_trash_by_name", "owner_id", "trash_key", "id", postgresql_where=IN_TRASH),
    Index("items_in_trash_by_size", "owner_id", "size_bytes", "id", postgresql_where=IN_TRASH),
    Index(
        "items_in_trash_uncounted",
        "owner_id",
        "trashed_at",
        "id",
        postgresql_where=text("trashed_at IS NOT NULL AND trash_files IS NULL"),
    ),
    Index("items_by_search_key", "owner_id", "search_key", "id", postgresql_where=LIVE),
    Index(
        "items_newest",
        "owner_id",
        "modified_at",
        "id",
        postgresql_include=["search_key", "size_bytes"],
        postgresql_where=LIVE,
    ),
    Index(
        "items_grams",
        text("search_grams(owner_id, search_key)"),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": 256},
        postgresql_where=LIVE,
    ),
    comment=(
        "Files and folders. A file carries what listings show of its current version; what was put into the trash, how much it "
        "holds with what lies below it, once that was counted."
    ),
)
