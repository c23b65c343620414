"""Second factors, what sessions have proved, and personal access tokens.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)
ID = sa.Uuid(as_uuid=False)


def of_user(*, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column("user_id", ID, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=primary_key, nullable=False)


def upgrade() -> None:
    op.add_column("sessions", sa.Column("password_proved_at", INSTANT))
    op.add_column("sessions", sa.Column("code_proved_at", INSTANT))
    op.add_column("signing_keys", sa.Column("needed_until", INSTANT))
    op.create_table(
        "second_factors",
        of_user(primary_key=True),
        sa.Column("sealed_secret", sa.LargeBinary),
        sa.Column("begun_at", INSTANT),
        sa.Column("confirmed_at", INSTANT),
        sa.Column("last_step", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("refused_until", INSTANT),
        sa.Column("revision", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    )
    op.create_table(
        "recovery_codes",
        of_user(primary_key=True),
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("used_at", INSTANT),
    )
    op.create_table(
        "login_challenges",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        of_user(),
        sa.Column("device_name", sa.Text),
        sa.Column("network", sa.Text),
        sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("expires_at", INSTANT, nullable=False),
    )
    op.create_index("login_challenges_user", "login_challenges", ["user_id"])
    op.create_index("login_challenges_end", "login_challenges", ["expires_at"])
    op.create_table(
        "access_tokens",
        sa.Column("id", ID, primary_key=True),
        of_user(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
        sa.Column("revision", sa.BigInteger, nullable=False, server_default=sa.text("1")),
    )
    op.create_index("access_tokens_user", "access_tokens", ["user_id", "created_at", "id"])
    op.create_index("access_tokens_end", "access_tokens", ["expires_at"])
