"""Invitations by e-mail; of people's addresses a digest is kept and nothing else.

Digests need a key that no migration has: addresses that are here stay until the service has digested them, those that nobody
proved go at once.

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INSTANT = sa.DateTime(timezone=True)
ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    _people()
    op.create_table(
        "invitations",
        sa.Column("id", ID, primary_key=True),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("granted_by", ID, nullable=False),
        sa.Column("address_key", sa.LargeBinary),
        sa.Column("address", sa.LargeBinary),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("notify", sa.Boolean, nullable=False),
        sa.Column("expires_at", INSTANT),
        sa.Column("lapses_at", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("due_at", INSTANT),
        sa.Column("mailed_at", INSTANT),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("end_reason", sa.Text),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="invitations_ended_for_a_reason"),
        sa.CheckConstraint("(ended_at IS NULL) = (address_key IS NOT NULL)", name="invitations_forgets_the_address"),
        comment="Shares that wait for whoever proves an address, which is kept as a keyed digest and sealed, until the end.",
    )
    active, ended = sa.text("ended_at IS NULL"), sa.text("ended_at IS NOT NULL")
    one = ["item_id", "address_key"]
    op.create_index("invitations_one_per_address", "invitations", one, unique=True, postgresql_where=active)
    op.create_index("invitations_of_address", "invitations", ["address_key", "id"], postgresql_where=active)
    op.create_index("invitations_by_sharer", "invitations", ["granted_by", "created_at", "id"], postgresql_where=active)
    op.create_index("invitations_due", "invitations", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("invitations_lapsing", "invitations", ["lapses_at"], postgresql_where=active)
    op.create_index("invitations_ended", "invitations", ["ended_at"], postgresql_where=ended)
    op.create_table(
        "paces",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("whole_at", INSTANT, nullable=False),
        comment="How much of a quota is used: when it is whole again, if nothing more is taken. Whose quota: see the name.",
    )
    op.create_index("paces_whole", "paces", ["whole_at"])


def _people() -> None:
    op.execute("UPDATE people SET email = '' WHERE NOT email_verified OR status <> 'active'")
    op.alter_column("people", "email", new_column_name="unkeyed_email", nullable=True)
    op.execute("UPDATE people SET unkeyed_email = NULL WHERE unkeyed_email = ''")
    op.drop_column("people", "email_verified")
    op.drop_column("people", "locale")
    op.add_column("people", sa.Column("address_key", sa.LargeBinary))
    op.add_column("people", sa.Column("look_at", INSTANT))
    for name, columns, where in (
        ("people_by_address", ["address_key"], "address_key IS NOT NULL"),
        ("people_unkeyed", ["user_id"], "unkeyed_email IS NOT NULL"),
        ("people_to_look_at", ["look_at"], "look_at IS NOT NULL"),
    ):
        op.create_index(name, "people", columns, postgresql_where=sa.text(where))
    op.create_table_comment(
        "people",
        "Copy of what auth publishes about people; sequence keeps a late older fact out. Of a proved address there"
        " is a keyed digest; unkeyed_email holds what an older release left, until it is digested. At look_at it is looked at"
        " what the last fact means for shares and invitations.",
    )
    # Shares of accounts that were closed before this release end by it.
    op.execute("UPDATE people SET look_at = now() WHERE status = 'deleted'")
