"""The mailer: claims mail whose time has come, hands it to the provider, and writes down what became of it.

The claim is committed before anything is sent, and nothing is sent inside a transaction. Nothing is told by mail that the
recipient may not see when it is written: a share that ended meanwhile is not announced any more.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from coffer_chassis import metrics, tracing
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.rounds import Rounds
from coffer_chassis.unit_of_work import Unit
from coffer_notifier.domain.letters import Letter, mime_of
from coffer_notifier.domain.mails import LEASE, PRIVATE_KINDS, Giving, Later, wait_after
from coffer_notifier.handlers.composing import compose
from coffer_notifier.handlers.deps import Deps, MailRefused
from coffer_notifier.store import mails
from coffer_notifier.store.mails import Mail

BATCH = 5
POLL_SECONDS = 5.0
"""How long the mailer waits without being woken: for mail that was put off, and for lost wake-ups."""
BACK_OFF_SECONDS = (0.2, 10.0)
ERROR_LENGTH = 300

_CALLS: Mapping[str, dict[str, tracing.Attribute]] = {
    "ses": {"rpc.system": "aws-api", "rpc.service": "SESv2", "rpc.method": "SendEmail"},
    "smtp": {"network.protocol.name": "smtp"},
}
"""By transport, what traces say of handing a mail over."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A mail that this process may send now."""

    mail: Mail
    letter: Letter
    attempt: int


def mailer(deps: Deps) -> Rounds:
    """A loop that sends mail as it becomes due. Several processes may: each row is sent by whoever claimed it."""

    async def look(_stopping: asyncio.Event) -> float:
        return 0 if await post_due(deps) else POLL_SECONDS

    return Rounds(look, failed="mailer_failed", back_off_seconds=BACK_OFF_SECONDS)


async def post_due(deps: Deps) -> int:
    """Send one batch of what is due; how many rows were looked at. May run twice and at once."""
    async with deps.work.unit(Origin.system(new_id())) as unit:
        due = await mails.due(unit.connection, unit.now, BATCH)
        claimed = [one for mail in due if (one := await _claim(unit, deps, mail))]
    if claimed:
        await asyncio.gather(*(_post(deps, one) for one in claimed))
    return len(due)


async def _claim(unit: Unit, deps: Deps, mail: Mail) -> _Claimed | None:
    if mail.attempts >= deps.settings.mail_attempts:
        # The last attempt was never settled: its process died. Nobody knows whether it was sent.
        await _give_up(unit, mail, mail.attempts, Giving("too_many_attempts"))
        return None
    # Looked at anew for every attempt: the account may have been closed meanwhile, or have got another address.
    try:
        async with unit.connection.begin_nested():
            composed = await compose(unit, deps, mail)
    except Exception as error:  # a mail that nobody can write holds up no other
        if unit.connection.invalidated:
            raise
        wait = wait_after(mail.attempts + 1, random.random())  # noqa: S311  # jitter, no secret
        await mails.count_failed(unit.connection, mail, unit.now + wait, type(error).__name__)
        # No traceback: what it quotes of a private mail is nobody's to keep.
        log.error("mail_not_written", mail_id=mail.id, kind=mail.kind, error=type(error).__name__)  # noqa: TRY400  # see above
        return None
    if isinstance(composed, Letter) and mail.letter is not None and mail.letter.to == composed.to:
        composed = replace(mail.letter, leave=composed.leave)
    match composed:
        case Letter():
            await mails.claim(unit.connection, mail, composed, unit.now + LEASE)
            return _Claimed(mail, composed, mail.attempts + 1)
        case Giving():
            await _give_up(unit, mail, mail.attempts, composed)
        case Later():
            wait = wait_after(1, random.random())  # noqa: S311  # jitter, no secret
            until = composed.until or unit.now + wait
            await mails.put_off(unit.connection, mail.id, mail.attempts, until, composed.reason)
    return None


async def _give_up(unit: Unit, mail: Mail, attempts: int, why: Giving) -> None:
    if await mails.give_up(unit.connection, mail.id, attempts, why.reason, unit.now):
        metrics.MAILS.labels("failed").inc()
        log.warning("mail_given_up", mail_id=mail.id, reason=why.reason, attempts=attempts)


async def _post(deps: Deps, one: _Claimed) -> None:
    """Send, then write down what became of it. Never raises: a row that could not be settled is claimed again later."""
    known, call = one.mail, _CALLS[deps.settings.mail_transport]
    about = call | {"coffer.mail.kind": one.mail.kind, "coffer.mail.attempt": one.attempt}
    with tracing.span("send mail", kind="client", parent=known.trail.traceparent, attributes=about, root=True) as span:
        try:
            sender = deps.settings.mail_from
            raw = mime_of(one.letter, sender=sender, message_id=known.message_id, at=known.created_at, trail=known.trail)
            ses_id = await deps.post.send(raw, to=one.letter.to)
        except Exception as error:  # noqa: BLE001  # whatever it is, the row says when it is tried again
            span.error = type(error).__name__
            await _settled(_failed(deps, one, error), one)
            return
        await _settled(_sent(deps, one, ses_id), one)


async def _settled(settling: Any, one: _Claimed) -> None:
    try:
        await settling
    except Exception as error:  # noqa: BLE001  # the claim lapses, and the mail is tried again
        log.warning("mail_not_settled", mail_id=one.mail.id, error=repr(error))


async def _sent(deps: Deps, one: _Claimed, ses_id: str) -> None:
    async with deps.work.unit(Origin.system(new_id())) as unit:
        await mails.mark_sent(unit.connection, one.mail.id, ses_id, unit.now)
    metrics.MAILS.labels("sent").inc()


async def _failed(deps: Deps, one: _Claimed, error: Exception) -> None:
    # What a provider or a library says may quote the mail, which is nobody's to keep when it carries a secret.
    told = type(error).__name__ if one.mail.kind in PRIVATE_KINDS else f"{type(error).__name__}: {error}"[:ERROR_LENGTH]
    refused = isinstance(error, MailRefused | ValueError)
    async with deps.work.unit(Origin.system(new_id())) as unit:
        if refused or one.attempt >= deps.settings.mail_attempts:
            why = Giving("refused") if refused else Giving("too_many_attempts")
            given_up = await mails.give_up(unit.connection, one.mail.id, one.attempt, f"{why.reason}: {told}", unit.now)
            outcome = "failed" if given_up else "superseded"
        else:
            wait = wait_after(one.attempt, random.random())  # noqa: S311  # jitter, no secret
            await mails.put_off(unit.connection, one.mail.id, one.attempt, unit.now + wait, told)
            outcome = "put_off"
    metrics.MAILS.labels(outcome).inc()
    log.warning("mail_not_sent", mail_id=one.mail.id, outcome=outcome, attempt=one.attempt, error=type(error).__name__)
