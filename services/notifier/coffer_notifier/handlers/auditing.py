"""What is kept for the audit: acts of operators of every service, and facts about the security of accounts. Quick: SQL only.
The table at the end is a lane of its own, because a flood of such facts must not keep people waiting, and what people do must
not keep the audit waiting.
"""

from coffer_chassis.handling import HandlerTable, Handles, handler_table
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts import auth, files, media, notifier, sharing
from coffer_contracts.event import Envelope
from coffer_contracts.operators import OperatorFact
from coffer_notifier.domain.security import SECURITY
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.security_facts import on_security_fact
from coffer_notifier.store import audit
from coffer_notifier.store.audit import AuditEntry


async def on_operator_acted(event: Envelope[OperatorFact], unit: Unit, _deps: Deps) -> None:
    """An entry, once per fact however often it comes."""
    fact = event.data
    entry = AuditEntry(
        id=new_id(),
        event_id=event.id,
        at=event.time,
        service=event.source.removeprefix("/"),
        actor_id=event.actorid,
        actor_kind=event.actorkind,
        action=fact.action,
        target=fact.target,
        count=fact.count,
        detail={part.name: part.value for part in fact.detail},
        correlation_id=event.correlationid,
    )
    await audit.add(unit.connection, entry)


AUDIT: HandlerTable = handler_table(
    [
        *(Handles(service.OperatorActedV1, on_operator_acted) for service in (auth, files, media, sharing, notifier)),
        *(Handles(event, on_security_fact) for event in SECURITY),
    ]
)
