"""The tables of the audit: entries, their order, and what is told of it. Entries and order can only grow: triggers of the store
refuse changes, and deletions but for what lies before a cut.
"""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Date, Index, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from coffer_chassis.tables import Id, Instant


@dataclass(frozen=True, slots=True)
class AuditTables:
    """All of them."""

    entries: Table
    waiting: Table
    chain: Table
    anchors: Table
    cuts: Table


def audit_tables(metadata: MetaData) -> AuditTables:
    """Define them."""
    entries = Table(
        "audit_entries",
        metadata,
        Column("id", Id, primary_key=True),
        Column("event_id", Text, nullable=False, unique=True),
        Column("at", Instant, nullable=False),
        Column("service", Text, nullable=False),
        Column("actor_id", Text),
        Column("actor_kind", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("count", BigInteger),
        Column("detail", JSONB, nullable=False),
        Column("request_id", Text, nullable=False),
        Column("owner_id", Id),
        Column("address", Text),
        Column("agent", Text),
        Column("session_id", Text),
        Column("resource_type", Text, nullable=False),
        Column("resource_id", Text),
        Column("resource_name", Text),
        Column("outcome", Text, nullable=False),
        Column("reason_code", Text),
        Column("changes", JSONB, nullable=False),
        Column("trace_id", Text),
        Index("audit_entries_order", "at", "id"),
        Index("audit_entries_of_owner", "owner_id", "at", "id", postgresql_where=text("owner_id IS NOT NULL")),
        Index("audit_entries_of_actor", "actor_id", "at", "id"),
        Index("audit_entries_of_resource", "resource_type", "resource_id", "at", "id"),
        comment="Who did what to the installation, to accounts and to rights, once per fact. Triggers keep it as it is.",
    )
    waiting = Table(
        "audit_waiting",
        metadata,
        Column("entry_id", Id, primary_key=True),
        comment="Entries that have no place in the chain yet.",
    )
    chain = Table(
        "audit_chain",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("entry_id", Id, nullable=False, unique=True),
        Column("prev_hash", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("hash", Text, nullable=False),
        Column("chained_at", Instant, nullable=False),
        comment="The order of the audit: each row names the one before by its hash. Triggers keep it as it was written.",
    )
    anchors = Table(
        "audit_anchors",
        metadata,
        Column("day", Date, primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("hash", Text, nullable=False),
        Column("anchored_at", Instant, nullable=False),
        comment="How far the chain went when a day had ended (UTC), for somebody to keep elsewhere.",
    )
    cuts = Table(
        "audit_cuts",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", Text, nullable=False),
        Column("cut_at", Instant, nullable=False),
        comment="Up to where the audit was forgotten because it was old: the chain begins after the last of these.",
    )
    return AuditTables(entries, waiting, chain, anchors, cuts)
