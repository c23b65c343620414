"""The tables of the usage figures. Handlers write marks and standings, one job folds them into the rows per day."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, MetaData, Table, Text, text

from coffer_chassis.tables import Id, Instant


@dataclass(frozen=True, slots=True)
class AnalyticsTables:
    """The tables by what they hold."""

    marks: Table
    items: Table
    days: Table
    closed_drives: Table
    state: Table


def analytics_tables(metadata: MetaData) -> AnalyticsTables:
    """Define them in the service's metadata. Call once per metadata."""
    marks = Table(
        "analytics_marks",
        metadata,
        Column("key", Id, primary_key=True),
        Column("series", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("day", Date, nullable=False),
        Column("closes_on", Date),
        Column("owner_id", Id),
        Column("count", BigInteger, nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Column("is_counted", Boolean, nullable=False, server_default=text("false")),
        Index("analytics_marks_waiting", "day", postgresql_where=text("NOT is_counted")),
        Index("analytics_marks_age", "closes_on", postgresql_where=text("closes_on IS NOT NULL")),
        comment="What happened once, by a digest of what it was; kept while another fact may tell of it again.",
    )
    items = Table(
        "analytics_items",
        metadata,
        Column("item_id", Id, primary_key=True),
        Column("day", Date, primary_key=True),
        Column("sequence", BigInteger, nullable=False),
        Column("owner_id", Id, nullable=False),
        Column("kind", Text, nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Column("created_on", Date, nullable=False),
        Column("is_gone", Boolean, nullable=False),
        Column("is_base", Boolean, nullable=False, server_default=text("false")),
        Column("is_counted", Boolean, nullable=False, server_default=text("false")),
        Column("counted_owner", Id),
        Column("counted_kind", Text),
        Column("counted_bytes", BigInteger),
        Column("counted_from", Date),
        Column("counted_until", Date),
        Index("analytics_items_waiting", "item_id", postgresql_where=text("NOT is_counted")),
        Index("analytics_items_age", "day", postgresql_where=text("NOT is_base")),
        comment="How each item stood at the end of each day on which it changed, and what of that is counted; of days that are"
        " closed the last one only.",
    )
    days = Table(
        "analytics_days",
        metadata,
        Column("scope", Id, primary_key=True),
        Column("series", Text, primary_key=True),
        Column("day", Date, primary_key=True),
        Column("detail", Text, primary_key=True),
        Column("count", BigInteger, nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Index("analytics_days_age", "day"),
        comment="The figures: per day in UTC, of all drives together and of each. What is stored stands here as what was added"
        " that day; what was before all days on 1970-01-01.",
    )
    closed_drives = Table(
        "analytics_closed_drives",
        metadata,
        Column("owner_id", Id, primary_key=True),
        comment="Owners whose accounts are closed and whose figures are to go.",
    )
    state = Table(
        "analytics_state",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("marks_from", Date, nullable=False),
        Column("items_from", Date, nullable=False),
        Column("kept_from", Date, nullable=False),
        Column("counted_at", Instant),
        Column("anew_since", Instant),
        comment="One row: from which day on marks, standings and figures are all there, and up to when all was counted.",
    )
    return AnalyticsTables(marks, items, days, closed_drives, state)
