"""Statements for the paths that must be fast: compiled once, then run on the driver itself.

The SQL is the same that SQLAlchemy would send; what is left out is its work per execution and per row, which for a page of
a hundred items costs three times what the driver does. For reading only, outside of units: a unit's transaction begins
with its first ordinary statement, and this would run before it.
"""

from collections.abc import Sequence
from typing import Any

from asyncpg import PostgresError
from sqlalchemy import Select, Text, Uuid, cast
from sqlalchemy.dialects import registry
from sqlalchemy.ext.asyncio import AsyncConnection

_dialect: Any = registry.load("postgresql.asyncpg")()


class Direct:
    """One compiled statement. Its columns come as the driver gives them, so ids are to be selected by `as_text`."""

    def __init__(self, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=_dialect, compile_kwargs={"render_postcompile": True})
        self.sql = str(compiled)
        self._fixed = dict(compiled.params)
        self._order = tuple(compiled.positiontup or ())

    def arguments(self, **values: Any) -> list[Any]:
        """What stands for `$1`, `$2` and so on."""
        known = {**self._fixed, **values}
        return [known[name] for name in self._order]

    async def rows(self, connection: AsyncConnection, **values: Any) -> Sequence[Any]:
        """All rows, as tuples. `connection` is one of `Work.read`."""
        raw = await connection.get_raw_connection()
        driver: Any = raw.driver_connection
        try:
            found: Sequence[Any] = await driver.fetch(self.sql, *self.arguments(**values))
        except BaseException as error:
            # SQLAlchemy has not seen the failure and would hand a broken connection out again and again. Only after an
            # error that the server itself reported is it known to be sound.
            if driver.is_closed() or not isinstance(error, PostgresError):
                await connection.invalidate()
            raise
        return found


def as_text(columns: Sequence[Any]) -> tuple[Any, ...]:
    """The columns with ids as text: they are only passed on, and text needs no object of its own kind."""
    return tuple(cast(column, Text).label(column.name) if isinstance(column.type, Uuid) else column for column in columns)
