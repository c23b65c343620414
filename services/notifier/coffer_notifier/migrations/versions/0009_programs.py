"""Queues of subscribers beside webhooks, with a number for whatever a subscription was told; queues on topics as they are.

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    op.add_column("webhooks", sa.Column("kind", sa.Text, nullable=False, server_default=sa.text("'webhook'")))
    op.add_column("webhooks", sa.Column("confirmed_at", instant))
    op.add_column("webhooks", sa.Column("code_digest", sa.LargeBinary))
    op.add_column("webhooks", sa.Column("code_until", instant))
    op.add_column("webhooks", sa.Column("last_number", sa.BigInteger, nullable=False, server_default=sa.text("0")))
    op.alter_column("webhooks", "sealed_secret", nullable=True)
    op.create_table_comment(
        "webhooks",
        "Where people want programs to be told of facts, and of which: addresses and queues. Secrets are sealed.",
        existing_comment="Where people want programs to be told of facts, and of which; secrets are sealed.",
    )
    op.add_column("webhook_deliveries", sa.Column("number", sa.BigInteger))
    op.add_column("webhook_deliveries", sa.Column("line", sa.Text))
    op.add_column("webhook_deliveries", sa.Column("place", sa.BigInteger))
    op.add_column("webhook_deliveries", sa.Column("again", sa.Integer, nullable=False, server_default=sa.text("0")))
    numbered = sa.text("number IS NOT NULL")
    op.create_index(
        "webhook_deliveries_numbers", "webhook_deliveries", ["webhook_id", "number"], unique=True, postgresql_where=numbered
    )
    in_line = sa.text("state IN ('queued', 'sending') AND line IS NOT NULL")
    op.create_index(
        "webhook_deliveries_lines", "webhook_deliveries", ["webhook_id", "line", "place", "id"], postgresql_where=in_line
    )
    op.create_table(
        "queue_codes",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("sent_at", instant, nullable=False),
        comment="When a code was last sent to a queue, whoever asked for it: so that nobody floods a queue with codes.",
    )
    op.create_table(
        "topic_subscriptions",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("event_types", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("owner_id", identifier),
        sa.Column("dead_queue", sa.Text),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("arn", sa.Text),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("topic", "queue", name="topic_subscriptions_once"),
        comment="Queues that operators subscribed to topics of Coffer; those of Coffer's own services are not among them.",
    )
