"""Pictures of single pages stand in line as well.

Revision ID: 0007
Revises: 0006
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = "Previews that are to be made. The lowest turn is next; a row goes when its preview is told."
AFTER = f"{BEFORE} Where `page_of` names the version, it is one picture of one page, and `version_id` is its own name."


def upgrade() -> None:
    op.add_column("preview_jobs", sa.Column("page_of", sa.Uuid(as_uuid=False)))
    op.drop_index("preview_jobs_owner", "preview_jobs")
    op.create_index("preview_jobs_owner", "preview_jobs", ["owner_id", "turn"], postgresql_where=sa.text("page_of IS NULL"))
    op.create_index("preview_jobs_pages", "preview_jobs", ["owner_id", "turn"], postgresql_where=sa.text("page_of IS NOT NULL"))
    op.create_table_comment("preview_jobs", AFTER, existing_comment=BEFORE)
