"""An outbox of private commands.

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Sequence

from coffer_chassis.migrations import add_private_outbox_v3

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_private_outbox_v3()
