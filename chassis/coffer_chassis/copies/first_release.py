"""The copies' tables as the first release had them, for use inside a revision's `upgrade`. Frozen: never to be changed."""

import sqlalchemy as sa
from alembic import op


def create_grants_v1() -> None:
    """Create the copy of grants."""
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    op.create_table(
        "grants",
        sa.Column("grant_id", identifier, primary_key=True),
        sa.Column("item_id", identifier, nullable=False),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("grantee", sa.Text, nullable=False),
        sa.Column("rights", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("expires_at", instant),
        sa.Column("granted_by", identifier),
        sa.Column("granted_at", instant),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("removed_at", instant),
        comment="Copy of what sharing publishes about grants; a removed one stays for a while as a tombstone.",
    )
    live, removed = sa.text("removed_at IS NULL"), sa.text("removed_at IS NOT NULL")
    op.create_index("grants_of_grantee", "grants", ["grantee", "item_id"], postgresql_where=live)
    op.create_index("grants_on_item", "grants", ["item_id"], postgresql_where=live)
    op.create_index("grants_removed", "grants", ["removed_at"], postgresql_where=removed)


def create_people_v1() -> None:
    """Create the copy of people."""
    op.create_table(
        "people",
        sa.Column("user_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("username_key", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_verified", sa.Boolean, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        comment="Copy of what auth publishes about people; sequence keeps a late older fact out.",
    )
    op.create_index("people_by_username", "people", ["username_key"])


def create_tree_v1() -> None:
    """Create the copy of the tree's shape."""
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    op.create_table(
        "tree",
        sa.Column("item_id", identifier, primary_key=True),
        sa.Column("owner_id", identifier, nullable=False),
        sa.Column("parent_id", identifier),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("above", sa.ARRAY(identifier), nullable=False),
        sa.Column("trashed_at", instant),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("purged_at", instant),
        comment="Copy of what files publishes about places; `above` is what the item's own last fact said of them.",
    )
    op.create_index("tree_purged", "tree", ["purged_at"], postgresql_where=sa.text("purged_at IS NOT NULL"))


def create_revocations_v1() -> None:
    """Create the deny list."""
    op.create_table(
        "revocations",
        sa.Column("session_id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("revocations_until", "revocations", ["until"])
