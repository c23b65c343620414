"""What is urgent goes out before all the rest.

Revision ID: 0013
Revises: 0012
"""

from collections.abc import Sequence

from coffer_chassis.migrations import add_urgency_v4

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_urgency_v4()
