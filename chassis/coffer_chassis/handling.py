"""How a service says which event runs which function, and how a handler says what is to become of a message."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coffer_contracts.catalog import older_types
from coffer_contracts.event import Event


class Retry(Exception):
    """Try again later: the message becomes visible again after `after_seconds` (0 to 43200), with `doubling` after twice
    as long each time.
    """

    def __init__(self, reason: str, *, after_seconds: float, doubling: bool = False) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds
        self.doubling = doubling

    def wait_seconds(self, receives: int) -> float:
        """How long to hide the message after it was received that many times."""
        return self.after_seconds * 2 ** min(receives - 1, 20) if self.doubling else self.after_seconds


class Reject(Exception):
    """Never try again: the message goes to the dead letters at once, with this reason."""


@dataclass(frozen=True)
class Handles:
    """One row of a service's handler table.

    Quick handlers are `async (event, unit, deps)`: they share the transaction of the received batch, each in a savepoint,
    and may do nothing but SQL. Slow handlers (bytes, mail) are `async (event, deps)`: they gather and decide first and
    then open `deps.work.unit(cause=event, consumer=<queue>)` themselves.
    """

    event: type[Event]
    run: Callable[..., Awaitable[None]]
    emits: tuple[type[Event], ...] = ()
    slow: bool = False


HandlerTable = Mapping[str, Handles]


def handler_table(rows: Iterable[Handles]) -> HandlerTable:
    """Wire type -> row. Raises ValueError when a type stands twice."""
    table: dict[str, Handles] = {}
    for row in rows:
        if row.event.type in table:
            raise ValueError(f"{row.event.type} has two handlers in one table")
        table[row.event.type] = row
    return table


def types_of(table: HandlerTable, service: str) -> tuple[str, ...]:
    """What a queue's subscription filters for: the wire types of `service` in the table, and the older majors that lift
    to them. So whoever publishes and whoever reads may be updated in any order.
    """
    handled = (wire_type for wire_type in table if wire_type.startswith(f"{service}."))
    return tuple(sorted(each for wire_type in handled for each in (wire_type, *older_types(wire_type))))


def row_name(row: Handles) -> str:
    """The handler's name for logs, metrics and dead letters."""
    function: Any = row.run
    return str(getattr(function, "__name__", type(function).__name__))
