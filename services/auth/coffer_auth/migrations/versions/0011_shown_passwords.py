"""Sign-ins that owe a code say whether the password was shown, or an issuer's word.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    column = sa.Column("password_shown", sa.Boolean, nullable=False, server_default=sa.text("false"))
    op.add_column("login_challenges", column)
