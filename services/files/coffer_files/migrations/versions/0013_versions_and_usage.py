"""Labels and ends of versions; what is used, by kind, by older versions and by the trash.

Revision ID: 0013
Revises: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = ("image", "video", "audio", "document", "archive", "text", "other")
HELD = (*(name for kind in KINDS for name in (f"{kind}_bytes", f"{kind}_files")), "older_bytes", "older_versions")
SIZES = HELD[::2]


def upgrade() -> None:
    _versions()
    _trash()
    _usage()


def _versions() -> None:
    op.add_column("versions", sa.Column("replaced_at", sa.DateTime(timezone=True)))
    op.add_column("versions", sa.Column("label", sa.Text))
    op.add_column("versions", sa.Column("keep_forever", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.execute(
        """UPDATE versions SET replaced_at = next_one.at FROM (
            SELECT v.id, v.item_id, coalesce(lead(v.created_at) OVER (PARTITION BY v.item_id ORDER BY v.created_at, v.id),
            v.created_at) AS at FROM versions v) AS next_one
        JOIN items ON items.id = next_one.item_id
        WHERE versions.id = next_one.id AND items.version_id <> versions.id"""
    )
    op.create_index(
        "versions_not_kept",
        "versions",
        ["item_id", "replaced_at"],
        postgresql_where=sa.text("replaced_at IS NOT NULL AND label IS NULL AND NOT keep_forever"),
    )
    op.create_table_comment(
        "versions", "Every content a file has had, with its previews. The current one is the one that nothing has replaced."
    )


def _trash() -> None:
    op.add_column("items", sa.Column("trash_key", sa.Text(collation="C")))
    op.execute("UPDATE items SET trash_key = lower(name) WHERE trashed_at IS NOT NULL")
    for name in ("trash_bytes", "trash_files"):
        op.add_column("items", sa.Column(name, sa.BigInteger))
    in_trash = sa.text("trashed_at IS NOT NULL")
    op.create_index("items_in_trash_by_name", "items", ["owner_id", "trash_key", "id"], postgresql_where=in_trash)
    op.create_index("items_in_trash_by_size", "items", ["owner_id", "size_bytes", "id"], postgresql_where=in_trash)
    op.create_index(
        "items_in_trash_uncounted",
        "items",
        ["owner_id", "trashed_at", "id"],
        postgresql_where=sa.text("trashed_at IS NOT NULL AND trash_files IS NULL"),
    )
    op.create_table_comment(
        "items",
        "Files and folders. A file carries what listings show of its current version; what was put into the trash, how much it "
        "holds with what lies below it, once that was counted.",
    )


def _usage() -> None:
    for name in (*HELD, "trash_bytes", "trash_files", "crossings"):
        op.add_column("drives", sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0")))
    known = ", ".join(f"'{kind}'" for kind in KINDS[:-1])
    counted = {
        **{kind: f"is_current AND kind = '{kind}'" for kind in KINDS[:-1]},
        "other": f"is_current AND kind NOT IN ({known})",
        "older": "NOT is_current",
    }
    sums = [
        f"coalesce(sum(size) FILTER (WHERE {what}), 0) AS {size}, count(size) FILTER (WHERE {what}) AS {number}"
        for what, size, number in zip(counted.values(), HELD[::2], HELD[1::2], strict=True)
    ]
    # Also for drives without any version, whose counter of old is not to be trusted more than their rows.
    op.execute(
        f"""UPDATE drives SET used_bytes = held.total, {", ".join(f"{name} = held.{name}" for name in HELD)} FROM (
            SELECT owner_id, coalesce(sum(size), 0) AS total, {", ".join(sums)} FROM (
                SELECT d.owner_id, v.size_bytes AS size, v.media_kind AS kind, v.id = i.version_id AS is_current
                FROM drives d LEFT JOIN (items i JOIN versions v ON v.item_id = i.id) ON i.owner_id = d.owner_id
            ) AS contents GROUP BY owner_id
        ) AS held WHERE held.owner_id = drives.owner_id"""  # noqa: S608  # names of columns from above
    )
    op.create_check_constraint("used_is_the_sum", "drives", f"used_bytes = {' + '.join(SIZES)}")
    op.create_check_constraint("counts_are_not_negative", "drives", f"least({', '.join(HELD)}, trash_bytes, trash_files) >= 0")
    op.create_table_comment(
        "drives",
        "One per owner: where the tree begins, what unfinished uploads have reserved, and what is used, by kind of the files' "
        "contents and of older versions. Of the trash what is counted so far. `crossings` counts facts about how full it is.",
    )
