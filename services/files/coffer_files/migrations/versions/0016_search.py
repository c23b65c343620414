"""Search by name and by text. Writes every item once more; what is there can be found as soon as it is done.

Revision ID: 0016
Revises: 0015
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FOLDED = (
    "CASE WHEN octet_length(name_key) = char_length(name_key) THEN name_key ELSE regexp_replace(normalize(name_key, NFD), "
    "'[\\u0300-\\u036f\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\ufe20-\\ufe2f]', '', 'g') END"
)

GRAMS = """
CREATE FUNCTION search_grams(owner uuid, key text) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
  seed bigint := uuid_hash_extended(owner, 0);
  grams bigint[] := '{}';
BEGIN
  FOR place IN 1 .. length(key) - 2 LOOP
    grams[place] := hashtextextended(substr(key, place, 3), seed);
  END LOOP;
  RETURN grams;
END
$$
"""
"""Every three letters of a name, mixed with its owner: in the index each owner's letters are entries of their own."""


def upgrade() -> None:
    key = sa.Text(collation="C")
    identifier = sa.Uuid(as_uuid=False)
    instant = sa.DateTime(timezone=True)
    live = sa.text("trashed_at IS NULL")
    op.add_column("items", sa.Column("search_key", key, sa.Computed(FOLDED, persisted=True)))
    op.create_index("items_by_search_key", "items", ["owner_id", "search_key", "id"], postgresql_where=live)
    op.create_index(
        "items_newest",
        "items",
        ["owner_id", "modified_at", "id"],
        postgresql_include=["search_key", "size_bytes"],
        postgresql_where=live,
    )
    op.execute(GRAMS)
    op.create_index(
        "items_grams",
        "items",
        [sa.text("search_grams(owner_id, search_key)")],
        postgresql_using="gin",
        # What comes in is merged in small lots: whoever searches reads the waiting ones one by one.
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": 256},
        postgresql_where=live,
    )
    # Names are read from the index alone where the table was vacuumed; without this, one that only grows waits for it until
    # a fifth of it is new.
    op.execute("ALTER TABLE items SET (autovacuum_vacuum_insert_scale_factor = 0.02)")
    op.create_table(
        "texts",
        sa.Column("blob_id", identifier, sa.ForeignKey("blobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("key", key, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("beginning", sa.Text, nullable=False),
        sa.Column("words", TSVECTOR, nullable=False),
        sa.Column("rules", sa.Integer, nullable=False),
        sa.Column("indexed_at", instant, nullable=False),
        comment="The text of a stored object: its words, each after the owner's mark, so that a search reads only the drives "
        "it is about; and its beginning for excerpts. Goes with the object.",
    )
    op.create_index("texts_words", "texts", ["words"], postgresql_using="gin")
    op.create_table(
        "queries",
        sa.Column("user_id", identifier, primary_key=True),
        sa.Column("query_key", key, primary_key=True),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("used_at", instant, nullable=False),
        comment="What a person looked for lately.",
    )
    op.create_index("queries_of_user", "queries", ["user_id", "used_at"])
