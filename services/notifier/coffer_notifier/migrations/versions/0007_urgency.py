"""What is urgent goes out before all the rest.

Revision ID: 0007
Revises: 0006
"""

from collections.abc import Sequence

from coffer_chassis.migrations import add_urgency_v4

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_urgency_v4()
