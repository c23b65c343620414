"""The rules of invitations: values in, values or refusals out. An invitation is a share that waits for whoever proves an
address; none of the rights it promises is anybody's before.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from coffer_contracts.ids import InvitationId, ItemId, UserId
from coffer_contracts.problems import FieldError, ValidationFailed
from coffer_contracts.sharing import ShareRole
from coffer_sharing.domain import Keep, Wish, accept_expiry

InvitationEnd = Literal["accepted", "not_needed", "revoked", "expired", "item_purged", "account_deleted"]

ADDRESS_LIMIT: Final = 320
"""Characters of an address that are looked at; every valid one is shorter."""

LOOK_AGAIN: Final = timedelta(seconds=30)
"""After which an invitation is looked at again that could not be decided: facts about an address changing hands are on the
way, or the item is not known at present.
"""

MAILS_TO_ONE: Final = 5
"""Mails about invitations that one address is sent in MAIL_WINDOW, whoever invites. Further invitations wait without one."""
MAIL_WINDOW: Final = timedelta(days=1)
MAIL_LIVES: Final = timedelta(days=1)
"""After which a mail about an invitation that could not be sent is not sent any more."""

INVITING_WINDOW: Final = timedelta(days=1)
"""In which somebody may invite so many people as the setting says."""


class Invitation(NamedTuple):
    """A row of `invitations`, in the order of its columns. `expires_at` is the end of the share that it becomes."""

    id: InvitationId
    item_id: ItemId
    owner_id: UserId
    granted_by: UserId
    address_key: bytes | None
    address: bytes | None
    """Sealed. Both are forgotten when the invitation ends."""
    role: ShareRole
    message: str | None
    notify: bool
    expires_at: datetime | None
    lapses_at: datetime
    created_at: datetime
    changed_at: datetime
    revision: int
    due_at: datetime | None
    """When it is looked at whether somebody has the address; None until a fact says that somebody may."""
    mailed_at: datetime | None
    correlation_id: str
    ended_at: datetime | None
    end_reason: InvitationEnd | None

    def is_over(self, now: datetime) -> bool:
        """Whether it becomes no share any more: it was ended, or its time is up."""
        return self.ended_at is not None or self.lapses_at <= now

    def ended(self, reason: InvitationEnd, now: datetime) -> "Invitation":
        """The invitation after its end, without what was the business of the invited."""
        return self._replace(
            address_key=None,
            address=None,
            message=None,
            due_at=None,
            ended_at=now,
            end_reason=reason,
            changed_at=now,
            revision=self.revision + 1,
        )


def lapses_at(created_at: datetime, expires_at: datetime | None, days: int) -> datetime:
    """When an invitation ends that nobody follows: after so many days, or with the share that it would be."""
    longest = created_at + timedelta(days=days)
    return longest if expires_at is None else min(longest, expires_at)


def changed(invitation: Invitation, wish: Wish, now: datetime, days: int) -> tuple[Invitation, tuple[str, ...]]:
    """The invitation as wished, and which fields that changes; none leave it as it is. Raises ValidationFailed."""
    role = invitation.role if isinstance(wish.role, Keep) else wish.role
    expires_at = invitation.expires_at if isinstance(wish.expires_at, Keep) else wish.expires_at
    after = invitation._replace(role=role, expires_at=expires_at)
    changes = tuple(name for name in ("role", "expires_at") if getattr(invitation, name) != getattr(after, name))
    if not changes:
        return invitation, ()
    if "expires_at" in changes:
        accept_expiry(expires_at, now)
    lapses = lapses_at(invitation.created_at, expires_at, days)
    return after._replace(lapses_at=lapses, changed_at=now, revision=invitation.revision + 1), changes


def accept_addresses(given: Mapping[int, str | None], keys: Sequence[bytes]) -> None:
    """Raises ValidationFailed that points at every address that is none (`given` holds None there, by its place in the
    request) or stands there twice; `keys` are those of the others, in the same order.
    """
    errors: list[FieldError] = []
    seen: set[bytes] = set()
    rest = iter(keys)
    for position, address in given.items():
        pointer = f"/recipients/{position}"
        if address is None:
            errors.append(FieldError(f"{pointer}/email", "email", "This is no e-mail address."))
            continue
        key = next(rest)
        if key in seen:
            errors.append(FieldError(pointer, "duplicate", "This address is named twice."))
        seen.add(key)
    if errors:
        raise ValidationFailed(errors[0].detail, errors=tuple(errors))
