"""Addresses are proved by mailed links, and belong to who proved them; passwords know how often they were replaced.

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)
ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.drop_index("users_email", "users")
    op.create_index("users_email", "users", ["email_key"])
    proved = sa.text("email_verified AND status <> 'deleted'")
    op.create_index("users_verified_email", "users", ["email_key"], unique=True, postgresql_where=proved)
    for name in ("revision", "generation"):
        op.add_column("passwords", sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("1")))
    op.create_table(
        "email_tokens",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("user_id", ID, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.CheckConstraint("purpose IN ('verify', 'reset')", name="email_tokens_purpose"),
        comment="Links that were mailed, by digest. The address is the one that whoever follows the link has proved to read.",
    )
    op.create_index("email_tokens_user", "email_tokens", ["user_id", "purpose"])
    op.create_index("email_tokens_expires", "email_tokens", ["expires_at"])
    op.create_table(
        "errands",
        sa.Column("id", ID, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("user_id", ID),
        sa.Column("email", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("actor_id", sa.Text),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('verify', 'reset', 'failure')", name="errands_kind"),
        comment="What is done after an answer was given: requests write one row alike, whether an account exists or not.",
    )
    op.create_index("errands_order", "errands", ["asked_at", "id"])
