"""Acts of operators as facts: written into the outbox by the transaction that does what they tell."""

import os
import pwd
from dataclasses import replace

from coffer_chassis.admin.operations import Operations
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ActId
from coffer_contracts.operators import OperatorFact, Particular

REDRIVEN = "dead_letters.redriven"
DROPPED = "dead_letters.dropped"
REPUBLISHED = "events.republished"
CANCELLED = "replay.cancelled"
LIFTED = "limits.lifted"

VALUE_LENGTH = 2000


def record(operations: Operations, unit: Unit, action: str, *, target: str, count: int, **detail: object) -> None:
    """Tell of an act when, and only when, this unit commits. Particulars that are None are left out, lists are joined."""
    tell(operations.acted, unit, action, target=target, count=count, **detail)


def tell(kind: type[OperatorFact], unit: Unit, action: str, /, *, target: str, count: int, **detail: object) -> None:
    """The same for handlers that know their service's type of the fact. Where the request came from is told with it."""
    where = unit.origin.caller
    if where is not None:
        detail |= {"address": where.address, "agent": where.agent}
    fact = kind(
        act_id=ActId(new_id()),
        action=action,
        target=target,
        count=count,
        detail=tuple(Particular(name=name, value=_text(value)) for name, value in detail.items() if value is not None),
    )
    unit.emit(fact, sequence=1)


def as_operator(origin: Origin) -> Origin:
    """The origin of a request whose route lets only operators in."""
    return replace(origin, actor_kind="operator")


def of_shell() -> Origin:
    """The origin of a command that somebody gave by hand: the name of the process's user, and no account."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run under a number that nobody has
        name = str(os.geteuid())
    return Origin(f"shell/{name}", "operator", new_id())


def _text(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= VALUE_LENGTH else f"{text[: VALUE_LENGTH - 1]}…"
