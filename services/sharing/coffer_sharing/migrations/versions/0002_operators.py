"""Replays, and who settled a dead letter.

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

from coffer_chassis.migrations import add_replays_v2

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    add_replays_v2()
