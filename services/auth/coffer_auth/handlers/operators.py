"""What operators do with accounts, over HTTP and from a shell. Each act is told as `auth.operator.acted.v1`, with its actor."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from coffer_auth.domain import operators as rules
from coffer_auth.domain.access_tokens import AccessToken, TokenEnd
from coffer_auth.domain.accounts import OPERATOR, User, accept_username
from coffer_auth.domain.operators import Role, Wanted
from coffer_auth.domain.profiles import accept_display_name
from coffer_auth.handlers import access_tokens, mfa
from coffer_auth.handlers.accounts import DEFAULT_LOCALE, accept_email, changed_fact, user_fact
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.devices import end_sessions, refuse_tokens
from coffer_auth.handlers.errands import order_mail
from coffer_auth.handlers.photos import drop_photos
from coffer_auth.handlers.step_up import require_proof
from coffer_auth.passwords import LOCKED
from coffer_auth.store import directory, emails, users
from coffer_auth.store import mfa as factors
from coffer_auth.store.directory import Account
from coffer_chassis.admin.acts import as_operator, of_shell, tell
from coffer_chassis.callers import Caller
from coffer_chassis.etags import Conditions, etag_of
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth import OperatorActedV1, UserDeletedV1, UserRegisteredV1, UserSuspendedV1
from coffer_contracts.ids import UserId
from coffer_contracts.problems import Forbidden, NotFound, UsernameTaken
from coffer_contracts.scopes import ADMIN_SCOPES

NOWHERE = Caller(None, None)
"""Where an operator sits is nothing that the person's own facts tell; the act itself is told apart."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that an operator makes for somebody."""

    username: str
    email: str
    display_name: str | None = None
    locale: str | None = None
    role: Role = "user"
    quota_bytes: int | None = None


def tag_of(account: Account) -> str:
    """The ETag of an account as operators see it."""
    return etag_of("account", account.user.id, account.user.revision, str(account.password_set))


async def find_accounts(deps: Deps, wanted: Wanted, *, after: str | None, limit: int) -> list[tuple[str, Account]]:
    """A page of accounts by name, each with the place it stands at."""
    async with deps.work.read() as connection:
        return await directory.search(connection, wanted, after=after, limit=limit)


async def find_account(deps: Deps, user_id: UserId) -> Account:
    """One account, closed ones included. Raises NotFound."""
    async with deps.work.read() as connection:
        found = await directory.accounts_by_id(connection, [user_id])
    if user_id not in found:
        raise NotFound("There is no such account.")
    return found[user_id]


async def create_account(deps: Deps, principal: Principal, origin: Origin, wish: NewAccount) -> Account:
    """Make an account that no password opens yet: its owner sets one by the link that is mailed now.

    Raises ValidationFailed, UsernameTaken, also for an address that is in use: who runs the installation sees it anyway; for an
    operator's what `_require_person` raises.
    """
    name, address = accept_username(wish.username), accept_email(wish.email)
    async with deps.work.unit(as_operator(origin)) as unit:
        await _act(unit, principal, None)
        if wish.role == OPERATOR:
            await _require_person(unit, principal)
        user = User(
            id=UserId(new_id()),
            username=name,
            email=address,
            email_verified=False,
            display_name=accept_display_name(wish.display_name or name),
            locale=wish.locale or DEFAULT_LOCALE,
            status="active",
            roles=(OPERATOR,) if wish.role == OPERATOR else (),
            revision=1,
            created_at=unit.now,
            quota_bytes=wish.quota_bytes,
        )
        if not await users.insert_user(unit.connection, user, LOCKED):
            raise UsernameTaken("The user name or the e-mail address is in use.")
        unit.emit(user_fact(UserRegisteredV1, user), sequence=user.revision)
        # For this account: somebody else may have claimed the address before.
        await order_mail(unit, "reset", user.email, user_id=user.id)
        _tell(unit, "user.created", user, {"role": wish.role, "quota_bytes": wish.quota_bytes})
        return Account(user, password_set=False)


async def change_account(
    deps: Deps, principal: Principal, origin: Origin, user_id: UserId, wish: Mapping[str, object], conditions: Conditions
) -> Account:
    """Give an account another `role`, `status` or `quota_bytes`. Twice the same is told once.

    Shutting it, and taking the role of an operator from it, ends its sessions: its tokens say what it was. Personal access
    tokens end too, of an operator those with operators' scopes. Raises NotFound, PreconditionFailed, Forbidden, LastOperator;
    for giving the role what `_require_person` raises.
    """
    async with deps.work.unit(as_operator(origin)) as unit:
        target, operators = await _act(unit, principal, user_id)
        user = rules.accept_target(target)
        account = (await directory.accounts_by_id(unit.connection, [user_id]))[user_id]
        conditions.require(tag_of(account))
        columns = rules.changed_by_operator(user, wish, actor_id=principal.user_id, operators=operators)
        if not columns:
            return account
        if OPERATOR not in user.roles and wish.get("role") == OPERATOR:
            await _require_person(unit, principal)
        after = await _write(unit, user, columns)
        demoted = OPERATOR in user.roles and OPERATOR not in after.roles
        ended = await end_sessions(unit, user_id, "operator") if demoted or after.status == "suspended" else []
        tokens = await _end_tokens(unit, user, after)
        _tell(unit, _name_of(user, after), user, columns)
    refuse_tokens(deps, ended, unit.now)
    access_tokens.refuse(tokens, deps)
    return replace(account, user=after)


async def revoke_sessions(deps: Deps, principal: Principal, origin: Origin, user_id: UserId) -> int:
    """Sign the account out everywhere; how many sessions ended. Safe to run twice. Raises NotFound, Forbidden."""
    async with deps.work.unit(as_operator(origin)) as unit:
        target, _ = await _act(unit, principal, user_id)
        user = rules.accept_target(target)
        ended = await end_sessions(unit, user_id, "operator")
        _tell(unit, "user.sessions_revoked", user, count=len(ended))
    refuse_tokens(deps, ended, unit.now)
    return len(ended)


async def force_password_reset(deps: Deps, principal: Principal, origin: Origin, user_id: UserId) -> None:
    """No password opens the account any more, its sessions and personal access tokens end, and so do sign-ins and changes of
    its address that wait: the owner sets another one by mail. Safe to run twice.

    Raises NotFound, Forbidden.
    """
    async with deps.work.unit(as_operator(origin)) as unit:
        target, _ = await _act(unit, principal, user_id)
        user = rules.accept_target(target)
        await directory.lock_password(unit.connection, user_id, unit.now)
        await emails.end_links_of_password(unit.connection, user)
        await factors.end_challenges_of(unit.connection, user_id)
        ended = await end_sessions(unit, user_id, "operator")
        tokens = await access_tokens.revoke_all(user_id, "operator", NOWHERE, unit)
        await order_mail(unit, "reset", user.email, user_id=user.id)
        _tell(unit, "user.password_reset", user)
    refuse_tokens(deps, ended, unit.now)
    access_tokens.refuse(tokens, deps)


async def reset_second_factor(deps: Deps, principal: Principal, origin: Origin, user_id: UserId) -> None:
    """Turn the account's second factor off, for somebody who lost app and recovery codes, and end its sessions. Safe to run
    twice.

    Raises NotFound, and what `_require_person` raises.
    """
    async with deps.work.unit(as_operator(origin)) as unit:
        target, _ = await _act(unit, principal, user_id)
        await _require_person(unit, principal)
        user = rules.accept_target(target)
        done = await mfa.turn_off(unit, user_id, "operator", NOWHERE)
        ended = await end_sessions(unit, user_id, "operator") if done else []
        _tell(unit, "user.mfa_reset", user, count=int(done))
    refuse_tokens(deps, ended, unit.now)


async def delete_account(deps: Deps, principal: Principal, origin: Origin, user_id: UserId, confirm: str) -> None:
    """Close an account for good: sessions end, and its name and address are nobody's any more.

    Raises NotFound, also for one that is closed, Forbidden, LastOperator, StateConflict.
    """
    async with deps.work.unit(as_operator(origin)) as unit:
        target, operators = await _act(unit, principal, user_id)
        user = rules.accept_target(target)
        rules.refuse_deletion(user, actor_id=principal.user_id, confirm=confirm, operators=operators)
        await drop_photos(unit, user)
        after = await users.change(unit.connection, user_id, rules.nobody(user), unit.now)
        await directory.lock_password(unit.connection, user_id, unit.now)
        unit.emit(user_fact(UserDeletedV1, after), sequence=after.revision)
        ended = await end_sessions(unit, user_id, "operator")
        tokens = await _end_tokens(unit, user, after)
        await mfa.turn_off(unit, user_id, "operator", NOWHERE)
        _tell(unit, "user.deleted", user)
    refuse_tokens(deps, ended, unit.now)
    access_tokens.refuse(tokens, deps)


async def grant_operator(username: str, deps: Deps) -> User:
    """From a shell: make the account an operator, and open it again if it was shut: its next access token carries
    `admin:read` and `admin:write`. Raises NotFound. Safe to run twice.
    """
    async with deps.work.unit(of_shell()) as unit:
        user = await _named(unit, username)
        wanted = {"roles": [*user.roles, OPERATOR]} if OPERATOR not in user.roles else {}
        columns = wanted | ({"status": "active"} if user.status != "active" else {})
        if not columns:
            return user
        after = await _write(unit, user, columns)
        _tell(unit, _name_of(user, after), user, columns)
        return after


async def revoke_operator(username: str, deps: Deps) -> User:
    """From a shell: the account runs the installation no more, and signs in anew; also the last one, because a shell can make
    another. Raises NotFound. Safe to run twice.
    """
    async with deps.work.unit(of_shell()) as unit:
        user = await _named(unit, username)
        if OPERATOR not in user.roles:
            return user
        after = await _write(unit, user, {"roles": [role for role in user.roles if role != OPERATOR]})
        ended = await end_sessions(unit, user.id, "operator")
        tokens = await _end_tokens(unit, user, after)
        _tell(unit, _name_of(user, after), user)
    refuse_tokens(deps, ended, unit.now)
    access_tokens.refuse(tokens, deps)
    return after


async def _end_tokens(unit: Unit, before: User, after: User) -> list[AccessToken]:
    """End the personal access tokens that say more than the account is by now."""
    if after.status != "active":
        reason: TokenEnd = "operator" if after.status == "suspended" else "account_ended"
        return await access_tokens.revoke_all(after.id, reason, NOWHERE, unit)
    if OPERATOR in before.roles and OPERATOR not in after.roles:
        return await access_tokens.revoke_all(after.id, "operator", NOWHERE, unit, with_any_of=ADMIN_SCOPES)
    return []


async def _named(unit: Unit, username: str) -> User:
    found = await directory.id_of_name(unit.connection, username)
    user = await users.lock_user(unit.connection, found) if found else None
    if user is None:
        raise NotFound(f"There is no account named {username}.")
    return user


async def _act(unit: Unit, principal: Principal, user_id: UserId | None) -> tuple[User | None, frozenset[UserId]]:
    """Lock whom it is about and everybody who may do it. The token was an operator's; whether its owner still is one counts."""
    target, operators = await directory.lock_with_operators(unit.connection, user_id or principal.user_id)
    rules.require_operator(principal.user_id, operators)
    return target, operators


async def _require_person(unit: Unit, principal: Principal) -> None:
    """What would let a stolen token live on, or an account be entered more easily, takes somebody who has just proved who they
    are. Raises Forbidden for a token, StepUpRequired.
    """
    if principal.kind != "user":
        raise Forbidden("This is for a person who is signed in, not for a token.")
    await require_proof(unit.connection, principal, unit.now)


async def _write(unit: Unit, user: User, columns: Mapping[str, object]) -> User:
    after = await users.change(unit.connection, user.id, columns, unit.now)
    if after.status == "suspended" and user.status != "suspended":
        unit.emit(user_fact(UserSuspendedV1, after), sequence=after.revision)
    else:
        unit.emit(changed_fact(user, after, columns), sequence=after.revision)
    return after


def _name_of(before: User, after: User) -> str:
    """What an act is called that changed several things: by the one that matters most."""
    if after.status != before.status:
        return "user.suspended" if after.status == "suspended" else "user.activated"
    if after.roles != before.roles:
        return "user.role_granted" if OPERATOR in after.roles else "user.role_removed"
    return "user.changed"


def _tell(unit: Unit, action: str, user: User, changes: Mapping[str, object] | None = None, *, count: int = 1) -> None:
    detail = {name: "as everybody" if value is None else value for name, value in (changes or {}).items()}
    told = {"username": user.username, **detail}
    tell(OperatorActedV1, unit, action, target=f"user/{user.id}", count=count, **told)
