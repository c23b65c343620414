"""The tables. What a share may become is the domain's business; how rows are read and written stands in the files beside this.

Order of locks, the same everywhere so that nobody waits in a circle: an item of the tree, then shares of it.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, MetaData, Table, Text, text

from coffer_chassis.copies.people import people_table
from coffer_chassis.copies.tree import tree_table
from coffer_chassis.revocations import revocations_table
from coffer_chassis.tables import Id, Instant, chassis_tables

metadata = MetaData(naming_convention={"ck": "%(table_name)s_%(constraint_name)s"})
chassis = chassis_tables(metadata)
revocations = revocations_table(metadata)
tree = tree_table(metadata)
people = people_table(metadata)

ACTIVE = text("ended_at IS NULL")

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

is_active = shares.c.ended_at.is_(None)
