"""The audit is chained and can only grow; activity is forgotten after a time.

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FUNCTIONS = """
CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the audit can only grow', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION audit_forgets() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
BEGIN
    IF TG_TABLE_NAME = 'audit_chain' THEN
        place := OLD.position;
    ELSE
        SELECT position INTO place FROM audit_chain WHERE entry_id = OLD.id;
    END IF;
    IF place IS NULL OR NOT EXISTS (SELECT FROM audit_cuts WHERE position >= place) THEN
        RAISE EXCEPTION 'DELETE on % is refused: only what lies before a cut is forgotten', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION audit_cuts_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM audit_chain
        WHERE position = NEW.position AND hash = NEW.hash AND chained_at < now() - interval '30 days'
    ) THEN
        RAISE EXCEPTION 'a cut is refused: it must name a link of the chain that is older than 30 days'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
"""

KEPT = ("audit_entries", "audit_chain", "audit_anchors", "audit_cuts")
FORGOTTEN = ("audit_entries", "audit_chain")


def upgrade() -> None:
    identifier, instant = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    op.drop_index("audit_entries_of_user", "audit_entries")
    op.alter_column("audit_entries", "user_id", new_column_name="owner_id")
    op.alter_column("audit_entries", "correlation_id", new_column_name="request_id")
    for name in ("session_id", "resource_type", "resource_id", "resource_name", "outcome", "reason_code", "trace_id"):
        op.add_column("audit_entries", sa.Column(name, sa.Text))
    op.add_column("audit_entries", sa.Column("changes", JSONB))
    op.execute(
        """
        UPDATE audit_entries SET
            resource_type = split_part(target, '/', 1),
            resource_id = nullif(substr(target, length(split_part(target, '/', 1)) + 2), ''),
            outcome = CASE WHEN action IN ('login.failed', 'session.reuse_detected') THEN 'denied' ELSE 'success' END,
            reason_code = coalesce(detail ->> 'reason', detail ->> 'how'),
            changes = '{}'
        """
    )
    for name in ("resource_type", "outcome", "changes"):
        op.alter_column("audit_entries", name, nullable=False)
    op.drop_column("audit_entries", "target")
    op.create_table_comment(
        "audit_entries",
        "Who did what to the installation, to accounts and to rights, once per fact. Triggers keep it as it is.",
    )
    op.create_index(
        "audit_entries_of_owner",
        "audit_entries",
        ["owner_id", "at", "id"],
        postgresql_where=sa.text("owner_id IS NOT NULL"),
    )
    op.create_index("audit_entries_of_resource", "audit_entries", ["resource_type", "resource_id", "at", "id"])
    op.create_table(
        "audit_waiting",
        sa.Column("entry_id", identifier, primary_key=True),
        comment="Entries that have no place in the chain yet.",
    )
    op.execute("INSERT INTO audit_waiting (entry_id) SELECT id FROM audit_entries")
    op.create_table(
        "audit_chain",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry_id", identifier, nullable=False, unique=True),
        sa.Column("prev_hash", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("chained_at", instant, nullable=False),
        comment="The order of the audit: each row names the one before by its hash. Triggers keep it as it was written.",
    )
    op.create_table(
        "audit_anchors",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("anchored_at", instant, nullable=False),
        comment="How far the chain went when a day had ended (UTC), for somebody to keep elsewhere.",
    )
    op.create_table(
        "audit_cuts",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("cut_at", instant, nullable=False),
        comment="Up to where the audit was forgotten because it was old: the chain begins after the last of these.",
    )
    op.create_index("activity_at", "activity", ["at"])
    _guard()


def _guard() -> None:
    for function in FUNCTIONS.strip().split("\n\n"):
        op.execute(function)
    for table in KEPT:
        refused = "UPDATE" if table in FORGOTTEN else "UPDATE OR DELETE"
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE {refused} ON {table} FOR EACH ROW EXECUTE FUNCTION audit_refuses()")
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()"
        )
    for table in FORGOTTEN:
        op.execute(f"CREATE TRIGGER {table}_old BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION audit_forgets()")
    op.execute("CREATE TRIGGER audit_cuts_old BEFORE INSERT ON audit_cuts FOR EACH ROW EXECUTE FUNCTION audit_cuts_old()")
