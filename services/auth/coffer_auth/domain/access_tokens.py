"""Personal access tokens: what one is, what it may be allowed, how long and how many there may be."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from coffer_contracts.ids import TokenId, UserId
from coffer_contracts.problems import FieldError, ValidationFailed
from coffer_contracts.scopes import SCOPES

SHORTEST_LIFE = timedelta(minutes=1)
LONGEST_LIFE = timedelta(days=366)
"""A leap year: whoever asks for one year from now gets it."""
MOST_TOKENS = 50
"""Living tokens of one account."""
NAME_LENGTH = 128

TokenEnd = Literal["person", "password_reset", "operator", "account_ended"]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token as the store knows it; the token itself is nowhere, but can be signed again by the key that is named."""

    id: TokenId
    user_id: UserId
    name: str
    scopes: tuple[str, ...]
    key_id: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revision: int


def accept_scopes(wanted: Iterable[str], allowed: frozenset[str]) -> tuple[str, ...]:
    """The scopes, each once and in order. Raises ValidationFailed for one that there is not or that the account has not."""
    scopes = tuple(sorted(set(wanted)))
    for scope in scopes:
        if scope not in allowed:
            detail = f"{scope} is not yours to give." if scope in SCOPES else f"{scope} is no scope."
            raise ValidationFailed(detail, errors=(FieldError("/scopes", "scope", detail),))
    if not scopes:
        raise ValidationFailed("A token needs a scope.", errors=(FieldError("/scopes", "empty", "A token needs a scope."),))
    return scopes


def accept_end(expires_at: datetime, now: datetime) -> datetime:
    """The end in whole seconds, as tokens write it. Raises ValidationFailed if it is too near or too far."""
    whole = expires_at.replace(microsecond=0)
    if not now + SHORTEST_LIFE <= whole <= now + LONGEST_LIFE:
        detail = f"A token lives at least a minute and at most {LONGEST_LIFE.days} days."
        raise ValidationFailed(detail, errors=(FieldError("/expires_at", "life", detail),))
    return whole
