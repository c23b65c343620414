"""Whose drives there are, and what of them is used."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Table, Text, text

from coffer_chassis.tables import Id, Instant
from coffer_files.domain.usage import HELD_COLUMNS
from coffer_files.store.tables.base import metadata

users = Table(
    "users",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("username", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("quota_bytes", BigInteger),
    Column("email", Text),
    comment="Copy of what auth publishes about people; sequence keeps a late older fact out.",
)

_HELD = [name for pair in HELD_COLUMNS.values() for name in pair]
_SUM = " + ".join(size_column for size_column, _ in HELD_COLUMNS.values())

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
    *(Column(name, BigInteger, nullable=False, server_default=text("0")) for name in _HELD),
    Column("trash_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("trash_files", BigInteger, nullable=False, server_default=text("0")),
    Column("crossings", BigInteger, nullable=False, server_default=text("0")),
    Column("keep_locations", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("used_bytes >= 0", name="used_is_not_negative"),
    CheckConstraint("reserved_bytes >= 0", name="reserved_is_not_negative"),
    # A change that books what is used and forgets what it is used for fails here.
    CheckConstraint(f"used_bytes = {_SUM}", name="used_is_the_sum"),
    CheckConstraint(f"least({', '.join(_HELD)}, trash_bytes, trash_files) >= 0", name="counts_are_not_negative"),
    comment=(
        "One per owner: where the tree begins, what unfinished uploads have reserved, and what is used, by kind of the files' "
        "contents and of older versions. Of the trash what is counted so far. `crossings` counts facts about how full it is. "
        "`keep_locations` is its owner's wish to be told where pictures were taken."
    ),
)
