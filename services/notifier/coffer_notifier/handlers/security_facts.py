"""Warnings that follow from facts about the security of accounts. Quick: SQL only. What is kept is said in `auditing`."""

from typing import Any

from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope, rfc3339
from coffer_notifier.domain.letters import Trail
from coffer_notifier.domain.mails import SECURITY_ALERT, message_id_at
from coffer_notifier.domain.security import (
    ALERTS,
    NEWS_FOR,
    SIGN_IN,
    TOLD_TOGETHER,
    device_print,
    network_print,
)
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.noticing import give_notice
from coffer_notifier.handlers.telling import MAIL
from coffer_notifier.store import known_sign_ins, mails

_SHOWN = ("device_name", "name", "how", "reason")
"""What a warning says beside time, address and agent, where the fact has it."""


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
    if not await give_notice(unit, deps, event, fact.user_id, kind, None, data):
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
