"""What follows from facts about the security of accounts: audit and activity rows for all, warnings for some. Quick: SQL only.

Rows are written on the audit lane, warnings on the one that people wait for.
"""

from typing import Any

from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope, Event, rfc3339
from coffer_contracts.ids import UserId
from coffer_notifier.domain.activity import Entry
from coffer_notifier.domain.letters import Trail
from coffer_notifier.domain.mails import SECURITY_ALERT, message_id_at
from coffer_notifier.domain.security import (
    ALERTS,
    NEWS_FOR,
    SIGN_IN,
    TOLD_TOGETHER,
    action_of,
    actor_of,
    device_print,
    network_print,
    particulars_of,
)
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.telling import MAIL, give_notice
from coffer_notifier.store import activity, audit, known_sign_ins, mails
from coffer_notifier.store.audit import AuditEntry

_SHOWN = ("device_name", "name", "how", "reason")
"""What a warning says beside time, address and agent, where the fact has it."""


async def on_security_fact(event: Envelope[Any], unit: Unit, _deps: Deps) -> None:
    """A row for operators, and one for the person, once per fact however often it comes."""
    fact, (actor_id, actor_kind) = event.data, actor_of(event)
    await audit.add(
        unit.connection,
        AuditEntry(
            id=new_id(),
            event_id=event.id,
            at=event.time,
            service=event.source.removeprefix("/"),
            actor_id=actor_id,
            actor_kind=actor_kind,
            action=action_of(event),
            target=event.subject,
            count=None,
            detail=particulars_of(event),
            correlation_id=event.correlationid,
            user_id=fact.user_id,
            address=fact.address,
            agent=fact.agent,
        ),
    )
    await activity.add(unit.connection, _entry(event, fact.user_id, actor_id, actor_kind))


def _entry(event: Envelope[Event], user_id: UserId, actor_id: str | None, actor_kind: str) -> Entry:
    fact: Any = event.data
    return Entry(
        id=new_id(),
        event_id=event.id,
        at=event.time,
        actor_id=actor_id,
        actor_kind=actor_kind,
        action=action_of(event),
        item_id=None,
        item_kind=None,
        item_name=None,
        owner_id=user_id,
        recipient_id=None,
        scope=(),
        changes={},
        reason=getattr(fact, "reason", None) or getattr(fact, "how", None),
        address=fact.address,
        agent=fact.agent,
    )


async def on_alarming_fact(event: Envelope[Any], unit: Unit, deps: Deps) -> None:
    """A notice and a mail to whose account it is, once; a sign-in from somewhere known warns of nothing.

    Mail about several such facts within TOLD_TOGETHER is one. It goes to verified addresses only.
    """
    fact = event.data
    data: dict[str, Any] = {name: value for name in _SHOWN if (value := getattr(fact, name, None))}
    data |= {"address": fact.address, "agent": fact.agent}
    if event.type == SIGN_IN:
        seen = {"device": device_print(fact.agent, fact.device_name), "network": network_print(fact.address)}
        new = await known_sign_ins.note(unit.connection, fact.user_id, seen, event.time)
        if not new:
            return
        data["new"] = new
    if unit.now - event.time > NEWS_FOR:
        return
    kind = ALERTS[event.type]
    if not await give_notice(unit, event, fact.user_id, kind, None, data):
        return
    mail_id = new_id()
    await mails.queue_together(
        unit.connection,
        mail_id=mail_id,
        event_id=event.id,
        user_id=fact.user_id,
        kind=SECURITY_ALERT,
        part={"kind": kind, "at": rfc3339(event.time), **data},
        message_id=message_id_at(mail_id, deps.public_url),
        now=unit.now,
        until=unit.now + TOLD_TOGETHER,
        trail=Trail(event.traceparent, event.correlationid),
    )
    unit.wake(MAIL)
