"""What all tables share."""

from sqlalchemy import MetaData, Text, text

from coffer_chassis.copies.grants import grants_table
from coffer_chassis.revocations import revocations_table
from coffer_chassis.tables import chassis_tables

metadata = MetaData(naming_convention={"ck": "%(table_name)s_%(constraint_name)s"})
chassis = chassis_tables(metadata)
revocations = revocations_table(metadata)
grants = grants_table(metadata)

Key = Text(collation="C")
"""Text that sorts by code point: the same order on every system, and LIKE prefixes can use the index."""

LIVE = text("trashed_at IS NULL")
