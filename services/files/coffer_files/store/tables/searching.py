"""What is found by its text, and what people looked for."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

from coffer_chassis.tables import Id, Instant
from coffer_files.store.tables.base import Key, metadata

texts = Table(
    "texts",
    metadata,
    Column("blob_id", Id, ForeignKey("blobs.id", ondelete="CASCADE"), primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("key", Key, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("beginning", Text, nullable=False),
    Column("words", TSVECTOR, nullable=False),
    Column("rules", Integer, nullable=False),
    Column("indexed_at", Instant, nullable=False),
    Index("texts_words", "words", postgresql_using="gin"),
    comment="The text of a stored object: its words, each after the owner's mark, so that a search reads only the drives it is "
    "about; and its beginning for excerpts. Goes with the object.",
)

queries = Table(
    "queries",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("query_key", Key, primary_key=True),
    Column("query", Text, nullable=False),
    Column("used_at", Instant, nullable=False),
    Index("queries_of_user", "user_id", "used_at"),
    comment="What a person looked for lately.",
)
