"""Commands about accounts: registering, looking at oneself."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from coffer_auth.domain.accounts import DISPLAY_NAME_LENGTH, User, accept_username
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.errands import order_mail
from coffer_auth.passwords import accept_password
from coffer_auth.store import access_tokens, sessions, users
from coffer_chassis.emails import normal_address
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import UserChangedV1, UserFact, UserRegisteredV1
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.problems import FieldError, Unauthenticated, UsernameTaken, ValidationFailed
from coffer_contracts.sharing import FieldChange

DEFAULT_LOCALE = "en"

F = TypeVar("F", bound=UserFact)


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration that passed every rule which needs no store; the password is hashed already."""

    user_id: UserId
    username: str
    email: str
    password_hash: str
    locale: str


async def prepare_registration(username: str, email: str, password: str, locale: str | None, deps: Deps) -> Registration:
    """Check a registration and hash its password, outside of any transaction.

    Raises ValidationFailed, PasswordWeak, Unavailable. May run any number of times.
    """
    name, address = accept_username(username), accept_email(email)
    accepted = accept_password(password, username=name, email=address)
    return Registration(UserId(new_id()), name, address, await deps.hashing.hash(accepted), locale or DEFAULT_LOCALE)


def accept_email(raw: str) -> str:
    """The address in normal form (RFC 5321, RFC 6531). Raises ValidationFailed.

    Domains without a dot and reserved ones are fine: Coffer runs in private networks too.
    """
    try:
        return normal_address(raw)
    except ValueError as error:
        detail = str(error)
        raise ValidationFailed(detail, errors=(FieldError("/email", "email", detail),)) from error


async def register(command: Registration, unit: Unit, _deps: Deps) -> User:
    """Make the account, say so, and have a link mailed to its address. Raises UsernameTaken.

    Nothing here depends on whether the address belongs to somebody already, so nobody learns that: the account is made and
    claims the address as any new one does. Only the mail differs: the owner is told that somebody tried.
    """
    user = User(
        id=command.user_id,
        username=command.username,
        email=command.email,
        email_verified=False,
        display_name=command.username[:DISPLAY_NAME_LENGTH],
        locale=command.locale,
        status="active",
        roles=(),
        revision=1,
        created_at=unit.now,
    )
    if not await users.insert_user(unit.connection, user, command.password_hash):
        raise UsernameTaken(f"The user name {command.username} is taken.")
    unit.emit(user_fact(UserRegisteredV1, user), sequence=user.revision)
    # A mailbox that had enough of our mail is left in peace; the person can ask for the link later.
    await order_mail(unit, "verify", user.email, user_id=user.id)
    return user


async def account(user_id: UserId, session_id: SessionId, deps: Deps) -> User:
    """The caller's own account. Raises Unauthenticated if it or the session has ended, whatever the token says."""
    async with deps.work.read() as connection:
        user = await users.user_by_id(connection, user_id)
        now = deps.work.clock.now()
        # What a revocation names is a session, or a personal access token.
        alive = await sessions.alive(connection, session_id, now) or await access_tokens.alive(connection, session_id, now)
    if user is None or user.status != "active" or not alive:
        raise Unauthenticated("The session has ended.")
    return user


def user_fact(kind: type[F], user: User, **more: Any) -> F:
    """A fact about an account with its whole state."""
    return kind(
        user_id=user.id,
        username=user.username,
        email=user.email,
        email_verified=user.email_verified,
        display_name=user.display_name,
        locale=user.locale,
        status=user.status,
        created_at=user.created_at,
        timezone=user.timezone,
        roles=user.roles,
        quota_bytes=user.quota_bytes,
        photo=user.photo,
        **more,
    )


UNTOLD = frozenset({"email"})
"""What it was stands in no fact: nobody is to keep an address that a person has given up."""


def changed_fact(before: User, after: User, changes: Iterable[str]) -> UserChangedV1:
    """That an account is another than before, field by field."""
    names = tuple(sorted(changes))
    fields = tuple(
        FieldChange(field=name)
        if name in UNTOLD
        else FieldChange(field=name, before=_text(getattr(before, name)), after=_text(getattr(after, name)))
        for name in names
    )
    return user_fact(UserChangedV1, after, changes=names, fields=fields)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
