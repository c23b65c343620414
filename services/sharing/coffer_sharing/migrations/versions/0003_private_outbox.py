"""An outbox of private commands.

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Sequence

from coffer_chassis.migrations import add_private_outbox_v3

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_private_outbox_v3()
