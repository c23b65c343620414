"""The tables. What a share may become is the domain's business; how rows are read and written stands in the files beside this.

Order of locks, the same everywhere so that nobody waits in a circle: an item of the tree, then shares, links and comments
of it, then invitations to it, then paces.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from coffer_chassis.copies.tree import tree_table
from coffer_chassis.revocations import revocations_table
from coffer_chassis.signing.store import signing_keys_table
from coffer_chassis.tables import Id, Instant, chassis_tables
from coffer_sharing.store.link_tables import link_accesses_table, links_table

metadata = MetaData(naming_convention={"ck": "%(table_name)s_%(constraint_name)s"})
chassis = chassis_tables(metadata)
revocations = revocations_table(metadata)
tree = tree_table(metadata)
signing_keys = signing_keys_table(metadata)
links = links_table(metadata)
link_accesses = link_accesses_table(metadata)

ACTIVE = text("ended_at IS NULL")

people = Table(
    "people",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("username", Text, nullable=False),
    Column("username_key", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("address_key", LargeBinary),
    Column("unkeyed_email", Text),
    Column("look_at", Instant),
    Column("sequence", BigInteger, nullable=False),
    # Not unique: facts about two people who swapped a name or an address may arrive in either order.
    Index("people_by_username", "username_key"),
    Index("people_by_address", "address_key", postgresql_where=text("address_key IS NOT NULL")),
    Index("people_unkeyed", "user_id", postgresql_where=text("unkeyed_email IS NOT NULL")),
    Index("people_to_look_at", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    comment="Copy of what auth publishes about people; sequence keeps a late older fact out. Of a proved address there"
    " is a keyed digest; unkeyed_email holds what an older release left, until it is digested. At look_at it is looked at what"
    " the last fact means for shares and invitations.",
)

shares = Table(
    "shares",
    metadata,
    Column("id", Id, primary_key=True),
    Column("item_id", Id, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("granted_by", Id, nullable=False),
    Column("recipient_id", Id, nullable=False),
    Column("role", Text, nullable=False),
    Column("message", Text),
    Column("expires_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("ended_at", Instant),
    Column("end_reason", Text),
    CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_for_a_reason"),
    Index("shares_one_per_person", "item_id", "recipient_id", unique=True, postgresql_where=ACTIVE),
    Index("shares_with_recipient", "recipient_id", "created_at", "id", postgresql_where=ACTIVE),
    Index("shares_by_sharer", "granted_by", "created_at", "id", postgresql_where=ACTIVE),
    Index("shares_expiring", "expires_at", postgresql_where=text("ended_at IS NULL AND expires_at IS NOT NULL")),
    Index("shares_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    comment="Who shared what with whom; one that has ended stays for a while. Its id is the id of its grant.",
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("item_id", Id, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("granted_by", Id, nullable=False),
    Column("address_key", LargeBinary),
    Column("address", LargeBinary),
    Column("role", Text, nullable=False),
    Column("message", Text),
    Column("notify", Boolean, nullable=False),
    Column("expires_at", Instant),
    Column("lapses_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("due_at", Instant),
    Column("mailed_at", Instant),
    Column("correlation_id", Text, nullable=False),
    Column("ended_at", Instant),
    Column("end_reason", Text),
    CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_for_a_reason"),
    CheckConstraint("(ended_at IS NULL) = (address_key IS NOT NULL)", name="forgets_the_address"),
    Index("invitations_one_per_address", "item_id", "address_key", unique=True, postgresql_where=ACTIVE),
    Index("invitations_of_address", "address_key", "id", postgresql_where=ACTIVE),
    Index("invitations_by_sharer", "granted_by", "created_at", "id", postgresql_where=ACTIVE),
    Index("invitations_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("invitations_lapsing", "lapses_at", postgresql_where=ACTIVE),
    Index("invitations_ended", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    comment="Shares that wait for whoever proves an address, which is kept as a keyed digest and sealed, until the end.",
)

paces = Table(
    "paces",
    metadata,
    Column("name", Text, primary_key=True),
    Column("whole_at", Instant, nullable=False),
    Index("paces_whole", "whole_at"),
    comment="How much of a quota is used: when it is whole again, if nothing more is taken. Whose quota: see the name.",
)

is_active = shares.c.ended_at.is_(None)
is_open = invitations.c.ended_at.is_(None)

comments = Table(
    "comments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("item_id", Id, nullable=False),
    Column("thread_id", Id, nullable=False),
    Column("is_reply", Boolean, nullable=False),
    Column("author_id", Id),
    Column("text", Text),
    Column("mentioned", ARRAY(Id), nullable=False),
    Column("anchor_page", Integer),
    Column("anchor_x", Double),
    Column("anchor_y", Double),
    Column("replies", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("edited_at", Instant),
    Column("changed_at", Instant, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("resolved_at", Instant),
    Column("resolved_by", Id),
    Column("deleted_at", Instant),
    CheckConstraint(
        "CASE WHEN deleted_at IS NULL THEN author_id IS NOT NULL AND text IS NOT NULL "
        "ELSE author_id IS NULL AND text IS NULL AND NOT is_reply END",
        name="deleted_without_text_and_author",
    ),
    CheckConstraint("is_reply = (id <> thread_id)", name="reply_to_another"),
    CheckConstraint("(resolved_at IS NULL) = (resolved_by IS NULL)", name="resolved_by_somebody"),
    Index("comments_of_item", "item_id", "thread_id", "is_reply", "id"),
    comment="What people say about items. One that was deleted stays, without text and author, while it has replies.",
)

commented = Table(
    "commented",
    metadata,
    Column("item_id", Id, primary_key=True),
    Column("comments", Integer, nullable=False),
    Column("gone_at", Instant),
    Index("commented_gone", "gone_at", postgresql_where=text("gone_at IS NOT NULL")),
    comment="How many comments an item has; with the time at which it was gone for good, after which they are removed.",
)
