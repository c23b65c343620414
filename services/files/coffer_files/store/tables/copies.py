"""Copies of trees under way."""

from sqlalchemy import BigInteger, Column, ForeignKey, Table

from coffer_chassis.tables import Id
from coffer_files.store.tables.base import Key, metadata

copied_folders = Table(
    "copied_folders",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("source_id", Id, nullable=False),
    Column("target_id", Id, nullable=False),
    Column("after_key", Key),
    comment="Folders whose children a job has still to copy, in their order; after_key is the name of the last one copied.",
)
