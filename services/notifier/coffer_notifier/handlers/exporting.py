"""The audit as lines for somebody else to keep: told as an act of its own, made a page at a time as it is read."""

import json
from collections.abc import AsyncGenerator

from coffer_chassis.admin.acts import tell
from coffer_chassis.origin import Origin
from coffer_contracts.notifier import OperatorActedV1
from coffer_notifier.domain.audit import line_of
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store import audit, audit_chain
from coffer_notifier.store.audit import Wanted

EXPORTED = "audit.exported"
PAGE = 500
"""Records that are held at once."""


async def begin_export(deps: Deps, origin: Origin, wanted: Wanted) -> int:
    """Say that somebody exports this; the position up to which they do."""
    async with deps.work.unit(origin) as unit:
        until = (await audit_chain.head(unit.connection)).position
        count = await audit.count_in_order(unit.connection, wanted, until)
        tell(OperatorActedV1, unit, EXPORTED, target="audit", count=count, until_position=until, **wanted.said)
    return until


async def lines(deps: Deps, wanted: Wanted, until: int) -> AsyncGenerator[bytes, None]:
    """The records up to a position, a page of lines at a time. No connection is held while somebody reads."""
    after = 0
    while True:
        async with deps.work.read() as connection:
            found = await audit.in_order(connection, wanted, after, until, PAGE)
        yield b"".join(json.dumps(line_of(*line), ensure_ascii=True, separators=(",", ":")).encode() + b"\n" for line in found)
        if len(found) < PAGE:
            return
        after = found[-1][1].position
