"""The rules of shares: values in, values or refusals out. Who has which right is the resolver's word (`access.py`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

from coffer_contracts.ids import ItemId, ShareId, UserId
from coffer_contracts.problems import FieldError, ValidationFailed
from coffer_contracts.sharing import ShareRole

EndReason = Literal["revoked", "left", "expired", "item_purged", "account_deleted"]
SortKey = Literal["created_at", "name"]
SORT_KEYS: tuple[SortKey, ...] = ("created_at", "name")

MESSAGE_LENGTH: Final = 2000
MOST_RECIPIENTS: Final = 50
"""Of one request."""

FRESH: Final = timedelta(seconds=60)
"""An item made so lately may be unknown here only because the fact about it is still on its way."""
CLOCKS_DIFFER: Final = timedelta(seconds=5)


class Share(NamedTuple):
    """A row of `shares`, in the order of its columns. Listings make these by the hundred, hence a tuple."""

    id: ShareId
    item_id: ItemId
    owner_id: UserId
    granted_by: UserId
    recipient_id: UserId
    role: ShareRole
    message: str | None
    expires_at: datetime | None
    created_at: datetime
    changed_at: datetime
    revision: int
    ended_at: datetime | None
    end_reason: EndReason | None

    @property
    def grantee(self) -> str:
        """The recipient as grants name them."""
        return f"user/{self.recipient_id}"

    def is_over(self, now: datetime) -> bool:
        """Whether it gives nothing any more: it was ended, or its time is up (the moment of expiry included)."""
        return self.ended_at is not None or (self.expires_at is not None and self.expires_at <= now)

    def ended(self, reason: EndReason, now: datetime) -> "Share":
        """The share after its end."""
        return self._replace(ended_at=now, end_reason=reason, changed_at=now, revision=self.revision + 1)


TAKEN_BACK: Final[frozenset[EndReason]] = frozenset({"revoked", "left"})
"""Ends that somebody asked for, one share at a time: whoever is told of rights is told of these first. For news of the others
nobody waits, because an expiry is judged by everybody's own clock and what was purged is gone; and they come in crowds.
"""


class Keep:
    """Stands in a wish for what is to stay as it is, where None means something else."""


KEEP: Final = Keep()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be different about a share."""

    role: ShareRole | Keep = KEEP
    expires_at: datetime | Keep | None = KEEP
    """None: it never ends by itself."""


def changed(share: Share, wish: Wish, now: datetime) -> tuple[Share, tuple[str, ...]]:
    """The share as wished, and which fields that changes; none leave it as it is. Raises ValidationFailed."""
    role = share.role if isinstance(wish.role, Keep) else wish.role
    expires_at = share.expires_at if isinstance(wish.expires_at, Keep) else wish.expires_at
    after = share._replace(role=role, expires_at=expires_at)
    changes = tuple(name for name in ("role", "expires_at") if getattr(share, name) != getattr(after, name))
    if not changes:
        return share, ()
    if "expires_at" in changes:
        accept_expiry(expires_at, now)
    return after._replace(changed_at=now, revision=share.revision + 1), changes


def accept_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Raises ValidationFailed for an end that has come already."""
    if expires_at is not None and expires_at <= now:
        raise _invalid([FieldError("/expires_at", "not_in_future", "A share ends in the future or never.")])


class Named(NamedTuple):
    """A person as a request names them: by id, by user name, or by an e-mail address as it was typed."""

    user_id: UserId | None = None
    username: str | None = None
    email: str | None = None


def accept_recipients(
    found: Sequence[UserId | None], *, sharer: UserId, owner: UserId, places: Sequence[int] | None = None
) -> list[UserId]:
    """With whom an item may be shared; `found` holds, in the order of the request, whom each recipient stands for, and `places`
    where each stands there, if there are others between them.

    Raises ValidationFailed that points at every recipient who is unknown, is the sharer or the owner, or stands there twice.
    """
    errors: list[FieldError] = []
    accepted: dict[UserId, None] = {}
    for position, user_id in zip(places or range(len(found)), found, strict=True):
        wrong = _refusal(user_id, accepted, sharer, owner)
        if wrong is not None:
            errors.append(FieldError(f"/recipients/{position}", *wrong))
        elif user_id is not None:
            accepted[user_id] = None
    if errors:
        raise _invalid(errors)
    return list(accepted)


def _refusal(user_id: UserId | None, accepted: Mapping[UserId, None], sharer: UserId, owner: UserId) -> tuple[str, str] | None:
    if user_id is None:
        return "unknown_person", "There is nobody of this name or id."
    if user_id == sharer:
        return "yourself", "You have this already."
    if user_id == owner:
        return "owner", "It is theirs already."
    return ("duplicate", "This person is named twice.") if user_id in accepted else None


def _invalid(errors: Sequence[FieldError]) -> ValidationFailed:
    return ValidationFailed(errors[0].detail, errors=tuple(errors))


def made_at(identifier: str) -> datetime | None:
    """The time inside a UUIDv7 (RFC 9562 section 5.7); None for what is no such id or lies beyond all calendars."""
    try:
        parsed = UUID(identifier)
        return datetime.fromtimestamp((parsed.int >> 80) / 1000, UTC) if parsed.version == 7 else None
    except (ValueError, OverflowError):
        return None


def is_fresh(item_id: str, now: datetime) -> bool:
    """Whether the item, if there is one, was made so lately that the fact about it may still be on its way."""
    moment = made_at(item_id)
    return moment is not None and -CLOCKS_DIFFER <= now - moment <= FRESH


class Order(NamedTuple):
    """How a list is sorted; ties are broken by id, so every order is total."""

    key: SortKey = "created_at"
    descending: bool = True

    @classmethod
    def parse(cls, sort: str) -> "Order":
        """Read `name`, `-created_at` and so on. Raises ValidationFailed for a key that lists cannot be sorted by."""
        for key in SORT_KEYS:
            if key == sort.removeprefix("-"):
                return cls(key, sort.startswith("-"))
        detail = f"Sort by one of {', '.join(SORT_KEYS)}, with a minus in front for the other way."
        raise ValidationFailed(detail, errors=(FieldError("/sort", "not_allowed", detail, "query"),))

    @property
    def text(self) -> str:
        """As it stands in an address."""
        return f"-{self.key}" if self.descending else self.key


class Beginning(NamedTuple):
    """Where a page begins: after the share with this sort value and id."""

    value: datetime | str
    id: ShareId
