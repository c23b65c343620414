"""What is kept for the audit: facts about accounts and rights, and acts of operators of every service. Quick: SQL only.
The table at the end is a lane of its own, because a flood of such facts must not keep people waiting, and what people do must
not keep the audit waiting.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope
from coffer_notifier.domain.account_activity import ACCOUNT_FACTS, entry_of_account
from coffer_notifier.domain.audit import AuditEntry
from coffer_notifier.domain.audit_entries import entry_of
from coffer_notifier.domain.audited import AUDITED
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store import activity, audit


async def on_audited_fact(event: Envelope[Any], unit: Unit, _deps: Deps) -> None:
    """An entry, once per fact however often it comes; of facts about an account one for the person, too."""
    entry = entry_of(event, new_id())
    if entry is None:
        return
    unit.together(_write_down, entry)
    if isinstance(event.data, ACCOUNT_FACTS):
        await activity.add(unit.connection, entry_of_account(event, new_id()))


async def _write_down(connection: AsyncConnection, asked: Sequence[tuple[Unit, AuditEntry]]) -> None:
    await audit.add_all(connection, [entry for _, entry in asked])


AUDIT: HandlerTable = handler_table(Handles(event, on_audited_fact) for event in AUDITED)
