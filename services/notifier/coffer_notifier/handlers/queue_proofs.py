"""Proving that a queue is its subscriber's: a code is sent into it, and whoever reads it there sends it back.

That a queue takes messages of Coffer says only that somebody permitted it, for a subscription of their own perhaps; only who
can read the queue may have it told of things (docs/decisions/0038).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_contracts.ids import WebhookId
from coffer_contracts.problems import DependencyFailed, FieldError, StateConflict, TooManyAttempts, ValidationFailed
from coffer_notifier.domain.queues import CODE_BYTES, CODE_EVERY, CODE_FOR, code_letter, digest_of, is_code
from coffer_notifier.domain.webhooks import Kind, Webhook
from coffer_notifier.handlers.deps import CallFailed, Deps
from coffer_notifier.handlers.webhooks import held, read_webhook, require_not_taken_down
from coffer_notifier.store import queue_codes, webhooks

QUEUES: tuple[Kind, ...] = ("queue",)
OWNERS_TO_MEND = frozenset({"queue_gone", "access_denied", "key_denied", "too_large", "refused"})
"""What asking again does not help against until the owner of the queue has done something."""


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is in the queue, and good for so long."""

    expires_at: datetime


async def send_code(deps: Deps, principal: Principal, origin: Origin, webhook_id: WebhookId) -> CodeSent:
    """Send a new code to the queue of a subscription; one that was sent before is worth nothing from then on.

    Raises NotFound, StateConflict when it is proved already, an operator turned it off, or the queue refuses (`state` is the
    reason), TooManyAttempts when that queue was just sent a code, DependencyFailed when SQS cannot be reached. Each run sends
    one.
    """
    code = secrets.token_urlsafe(CODE_BYTES)
    async with deps.work.unit(origin) as unit:
        found = await held(unit, principal, webhook_id, kinds=QUEUES)
        require_not_taken_down(found)
        if not found.needs_proof:
            raise StateConflict("It is proved already that this queue is yours.", state="confirmed")
        if not await queue_codes.may_send(unit.connection, found.url, unit.now, unless_since=unit.now - CODE_EVERY):
            seconds = int(CODE_EVERY.total_seconds())
            raise TooManyAttempts("This queue was just sent a code.", retry_after_seconds=seconds)
        until = unit.now + CODE_FOR
        await webhooks.change(unit.connection, webhook_id, code_digest=digest_of(code), code_until=until)
    try:
        await deps.queues.send(found.url, code_letter(webhook_id, code, until, unit.now))
    except CallFailed as error:
        if error.code in OWNERS_TO_MEND:
            detail = f"The queue did not take the message ({error.code}). Does it exist, and has it the policy shown?"
            raise StateConflict(detail, state=error.code) from error
        raise DependencyFailed(f"The queue could not be reached ({error.code}).", retry_after_seconds=10) from error
    return CodeSent(until)


async def confirm(deps: Deps, principal: Principal, origin: Origin, webhook_id: WebhookId, code: str) -> Webhook:
    """Take a code that was read from the queue: from then on facts are sent there.

    Raises NotFound, StateConflict while an operator keeps it off, ValidationFailed for a code that is wrong or too old. May run
    twice: with the code that was taken, or once it is proved.
    """
    async with deps.work.unit(origin) as unit:
        found = await held(unit, principal, webhook_id, kinds=QUEUES)
        in_time = found.code_until is not None and unit.now < found.code_until
        if found.needs_proof:
            require_not_taken_down(found)
            if not (is_code(code, found.code_digest) and in_time):
                detail = "This is not the code that was sent to the queue last, or it is too old."
                raise ValidationFailed("", errors=(FieldError("/code", "wrong_code", detail),))
            await webhooks.change(
                unit.connection,
                webhook_id,
                confirmed_at=unit.now,
                code_digest=None,
                code_until=None,
                enabled=True,
                disabled_at=None,
                changed_at=unit.now,
            )
    return await read_webhook(deps, principal, webhook_id, kinds=QUEUES)
