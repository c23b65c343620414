"""Webhooks and their deliveries.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    op.create_table(
        "webhooks",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("user_id", identifier, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("event_types", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("item_id", identifier),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("disabled_for", sa.Text),
        sa.Column("disabled_at", instant),
        sa.Column("failing_since", instant),
        sa.Column("proven", sa.Boolean, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("sealed_old_secret", sa.LargeBinary),
        sa.Column("old_secret_until", instant),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        comment="Where people want programs to be told of facts, and of which; secrets are sealed.",
    )
    op.create_index("webhooks_of_user", "webhooks", ["user_id", "created_at", "id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("webhook_id", identifier, sa.ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("fact", sa.Text),
        sa.Column("body", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("not_before", instant, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("ended_at", instant),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_error", sa.Text),
        sa.Column("latency_ms", sa.Integer),
        sa.Column("log", JSONB, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("correlation_id", sa.Text),
        sa.UniqueConstraint("webhook_id", "event_id", name="webhook_deliveries_once"),
        comment="Facts on their way to webhooks, once per webhook and fact; not_before also ends a claim.",
    )
    waiting = sa.text("state IN ('queued', 'sending')")
    op.create_index("webhook_deliveries_due", "webhook_deliveries", ["webhook_id", "not_before"], postgresql_where=waiting)
    sending = sa.text("state = 'sending'")
    op.create_index("webhook_deliveries_sending", "webhook_deliveries", ["webhook_id", "not_before"], postgresql_where=sending)
    op.create_index("webhook_deliveries_next", "webhook_deliveries", ["not_before"], postgresql_where=waiting)
    op.create_index("webhook_deliveries_of_webhook", "webhook_deliveries", ["webhook_id", "created_at", "id"])
    op.create_index("webhook_deliveries_created", "webhook_deliveries", ["created_at"])
