"""Brings a service's store to the newest schema: Alembic without an ini file, forward only, safe to run at once from many.

A service has the folder `migrations/versions` in its package and nothing else. History is frozen: a revision spells out what
it creates and never reads today's metadata, so `create_chassis_tables_v1` must not change once a release used it.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

T = TypeVar("T")

LOCK = 0x636F66666572
"""Key of the advisory lock that lets one process of a database migrate at a time."""

_ONE_AT_A_TIME = threading.Lock()
"""`alembic.op` is one variable per process, so two stores of one process migrate one after the other."""


class SchemaMismatch(Exception):
    """The store is at a revision that this release does not know: it is newer than the code, or not this service's."""


async def upgrade(url: str, package: str) -> None:
    """What `schema.migrate` does with a store that is not at the newest revision. Raises SchemaMismatch."""
    await asyncio.to_thread(_migrate, url, package)


async def schema_differences(url: str, metadata: sa.MetaData) -> list[Any]:
    """What Alembic would still change so that the store at `url` matches `metadata`; empty when they agree."""

    def compare(connection: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    return await _with_connection(url, lambda connection: connection.run_sync(compare))


def create_chassis_tables_v1() -> None:
    """Create the chassis' tables as the first release had them. For use inside a revision's `upgrade`."""
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    op.create_table(
        "outbox",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("owner_id", identifier),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("available_at", instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("replay", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("sent_at", instant),
    )
    op.create_index("outbox_unsent", "outbox", ["position"], postgresql_where=sa.text("sent_at IS NULL"))
    op.create_index("outbox_sent", "outbox", ["sent_at"], postgresql_where=sa.text("sent_at IS NOT NULL"))
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("handled_at", instant, nullable=False),
    )
    op.create_index("inbox_handled", "inbox", ["handled_at"])
    op.create_table(
        "dead_letters",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attributes", JSONB, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("error_class", sa.Text),
        sa.Column("handler", sa.Text),
        sa.Column("receives", sa.Integer, nullable=False),
        sa.Column("dead_at", instant, nullable=False),
        sa.Column("redriven_at", instant),
        sa.Column("dropped_at", instant),
    )
    op.create_index("dead_letters_message", "dead_letters", ["queue", "message_id"], unique=True)
    op.create_table(
        "idempotency_keys",
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("route", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("result", JSONB),
        sa.Column("created_at", instant, nullable=False),
    )
    op.create_index("idempotency_keys_created", "idempotency_keys", ["created_at"])
    op.create_table(
        "broker",
        sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("drained_at", instant),
    )


def add_replays_v2() -> None:
    """What the second release of the chassis' tables adds to the first. For use inside a revision's `upgrade`."""
    instant = sa.DateTime(timezone=True)
    identifier = sa.Uuid(as_uuid=False)
    sent = sa.text("sent_at IS NOT NULL")
    op.create_index("outbox_sent_order", "outbox", ["sent_at", "position"], postgresql_where=sent)
    op.drop_index("outbox_sent", "outbox")
    op.add_column("dead_letters", sa.Column("settled_by", sa.Text))
    op.create_index("dead_letters_order", "dead_letters", ["dead_at", "id"])
    waiting = sa.text("redriven_at IS NULL AND dropped_at IS NULL")
    op.create_index("dead_letters_waiting", "dead_letters", ["dead_at", "id"], postgresql_where=waiting)
    op.create_table(
        "replays",
        sa.Column("id", identifier, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("wanted", JSONB, nullable=False),
        sa.Column("rate_per_second", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("sent", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("skipped", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("reached_at", instant),
        sa.Column("reached", sa.Text),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("lease", identifier),
        sa.Column("last_error", sa.Text),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("created_by", sa.Text),
        sa.Column("ended_at", instant),
        comment="What is sent again on demand, and how far that is: events of the outbox, or dead letters.",
    )
    op.create_index("replays_due", "replays", ["due_at"], postgresql_where=sa.text("state = 'running'"))
    op.create_index("replays_created", "replays", ["created_at", "id"])


def add_private_outbox_v3() -> None:
    """What the third release of the chassis' tables adds to the second. For use inside a revision's `upgrade`."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "private_outbox",
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("available_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        comment="Private commands until they are sent or expire. A table of its own, so that nothing that reads the outbox can"
        " show one or send it again.",
    )
    op.create_index("private_outbox_order", "private_outbox", ["position"])


def add_urgency_v4() -> None:
    """What the fourth release of the chassis' tables adds to the third. For use inside a revision's `upgrade`."""
    op.add_column("outbox", sa.Column("urgent", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.create_index("outbox_urgent", "outbox", ["position"], postgresql_where=sa.text("sent_at IS NULL AND urgent"))


def _migrate(url: str, package: str) -> None:
    """Run in a thread of its own loop: waiting for the lock of this process must not hold up the caller's loop."""
    with _ONE_AT_A_TIME, as_file(files(package).joinpath("migrations")) as folder:
        asyncio.run(_with_connection(url, lambda connection: connection.run_sync(_upgrade, folder)))


def _upgrade(connection: sa.Connection, folder: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)

    def steps(current: Any, _context: Any) -> list[Any]:
        missing = script.iterate_revisions("head", current, implicit_base=True)
        return [MigrationStep.upgrade_from_script(script.revision_map, revision) for revision in reversed([*missing])]

    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    with EnvironmentContext(config, script, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection)
        try:
            environment.run_migrations()
        except RevisionError as error:
            raise SchemaMismatch(str(error)) from error


async def _with_connection(url: str, run: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            return await run(connection)
    finally:
        await engine.dispose()
