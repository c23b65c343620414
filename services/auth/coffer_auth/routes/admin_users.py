"""Accounts as operators see and change them."""

from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from pydantic import Field

from coffer_auth.domain.operators import MOST_QUOTA_BYTES, Role, Standing, Wanted
from coffer_auth.handlers import operators
from coffer_auth.handlers.operators import NewAccount, tag_of
from coffer_auth.routes.answers import UserAnswer, user_answer
from coffer_auth.routes.requests import Locale, TheDeps
from coffer_auth.store.directory import Account
from coffer_chassis.access_rules import operator
from coffer_chassis.answers import Body
from coffer_chassis.cursors import Listing
from coffer_chassis.http import not_modified
from coffer_chassis.openapi import documented
from coffer_chassis.requests import (
    Cursor,
    Limit,
    TheConditions,
    TheCursors,
    TheOrigin,
    ThePrincipal,
    known_id,
    page_size,
    refused,
)
from coffer_contracts.ids import UserId
from coffer_contracts.problems import (
    CursorInvalid,
    Forbidden,
    LastOperator,
    NotFound,
    PreconditionFailed,
    StateConflict,
    StepUpRequired,
    UsernameTaken,
)

PATH = "/v1/admin/auth/users"
DEFAULT_LIMIT = 50
LARGEST_PAGE = 200
LONGEST_QUERY = 320
TAGS = ("operators",)
ACTED = "auth.operator.acted.v1"

AccountId = Annotated[str, PathParameter(description="The account's id.")]
Text = Annotated[str, QueryParameter(name="q", description="What user name or e-mail address begin with.")]
InStatus = Annotated[
    Literal["active", "suspended", "deleted"] | None,
    QueryParameter(name="status", description="Only accounts that stand so; default: all but deleted ones."),
]
OfRole = Annotated[Role | None, QueryParameter(name="role", description="`operator`, or `user` for all others.")]
Quota = Annotated[int | None, Field(ge=0, le=MOST_QUOTA_BYTES, description="Room for its drive; null: as everybody has.")]


class AccountAnswer(UserAnswer, frozen=True):
    """An account as operators see it. `password_set` is false while its owner has to set one by mail."""

    status: str
    quota_bytes: int | None
    password_set: bool
    etag: str


class AccountsAnswer(msgspec.Struct, frozen=True):
    """Part of a listing; `next_cursor` is null at the end and nowhere else."""

    items: list[AccountAnswer]
    next_cursor: str | None


class CreateAccountBody(Body):
    """A new account for somebody."""

    username: str = Field(max_length=256, description="3 to 64 letters, digits, `.`, `_`, `-`; unique whatever the case.")
    email: str = Field(max_length=512, description="Where the mail goes by which the person sets a password.")
    display_name: str | None = Field(None, max_length=512, description="What others see; default: the user name.")
    locale: Locale | None = Field(None, description="BCP 47 language tag; default `en`.")
    role: Role = Field("user", description="`operator` runs the installation.")
    quota_bytes: Quota = None


class ChangeAccountBody(Body):
    """What is to change; what is left out stays."""

    role: Role = Field("user", description="`operator` runs the installation. Taking it signs the person out everywhere.")
    status: Standing = Field("active", description="`suspended` signs the person out everywhere and lets nobody sign in.")
    quota_bytes: Quota = None


def account_answer(account: Account) -> AccountAnswer:
    """An account as operators see it."""
    user = account.user
    known = msgspec.structs.asdict(user_answer(user))
    return AccountAnswer(
        **known, status=user.status, quota_bytes=user.quota_bytes, password_set=account.password_set, etag=tag_of(account)
    )


def _tagged(account: Account, status: int = 200) -> Response[AccountAnswer]:
    return Response(account_answer(account), status_code=status, headers={"ETag": tag_of(account)})


@get(
    PATH,
    opt=operator() | documented(raises=[CursorInvalid]),
    operation_id="list_accounts",
    tags=TAGS,
    summary="Search the accounts",
)
async def get_accounts(
    principal: ThePrincipal,
    deps: TheDeps,
    cursors: TheCursors,
    text: Text = "",
    status: InStatus = None,
    role: OfRole = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response[AccountsAnswer]:
    """Accounts by user name, up to 200 on a page."""
    if len(text) > LONGEST_QUERY or "\x00" in text:
        raise refused("q", "length", f"At most {LONGEST_QUERY} characters.")
    listing = Listing("accounts", principal.user_id, "username", {"q": text, "status": status, "role": role})
    after: str | None = None
    if cursor:
        match cursors.open(cursor, listing):
            case [str() as place]:
                after = place
            case _:
                raise CursorInvalid
    size = min(page_size(limit), LARGEST_PAGE)
    found = await operators.find_accounts(deps, Wanted(text, status, role), after=after, limit=size + 1)
    following = cursors.seal([found[size - 1][0]], listing) if len(found) > size else None
    return Response(AccountsAnswer([account_answer(account) for _, account in found[:size]], following))


@post(
    PATH,
    opt=operator()
    | documented(
        raises=[UsernameTaken, StepUpRequired],
        headers=["ETag"],
        events=["auth.user.registered.v1", ACTED],
        request={"username": "grace", "email": "grace@example.org", "quota_bytes": 53_687_091_200},
    ),
    operation_id="create_account",
    tags=TAGS,
    summary="Make an account for somebody",
    status_code=201,
)
async def post_account(
    data: JSONBody[CreateAccountBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[AccountAnswer]:
    """No password opens it: the person sets one by a link that is mailed to the address given. It works once, for 30 minutes;
    `POST /v1/auth/password/forgot` sends another. No answer and no mail ever holds a password. An operator's account is made by
    a person who has just proved who they are, and by no token.
    """
    return _tagged(await operators.create_account(deps, principal, origin, NewAccount(**data.model_dump())), 201)


@get(
    f"{PATH}/{{account:str}}",
    opt=operator() | documented(raises=[NotFound], headers=["ETag"]),
    operation_id="get_account",
    tags=TAGS,
    summary="Look at an account",
)
async def get_account(account: AccountId, deps: TheDeps, conditions: TheConditions) -> Response[AccountAnswer] | Response[None]:
    """One account, closed ones included."""
    found = await operators.find_account(deps, UserId(known_id(account)))
    return not_modified(tag_of(found)) if conditions.not_modified(tag_of(found)) else _tagged(found)


@patch(
    f"{PATH}/{{account:str}}",
    opt=operator()
    | documented(
        raises=[NotFound, PreconditionFailed, Forbidden, LastOperator, StepUpRequired],
        headers=["ETag"],
        events=["auth.user.changed.v1", "auth.user.suspended.v1", "auth.session.revoked.v1", ACTED],
        request={"status": "suspended"},
    ),
    operation_id="change_account",
    tags=TAGS,
    summary="Change role, status or room of an account",
)
async def patch_account(
    account: AccountId,
    data: JSONBody[ChangeAccountBody],
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    conditions: TheConditions,
) -> Response[AccountAnswer]:
    """What is left out stays. Nobody suspends themselves, and the last operator stays one. The role is given by a person who
    has just proved who they are, and by no token.

    Services that verify tokens by themselves refuse those of a suspended person as soon as they hear of it, within seconds.
    """
    wish = data.model_dump(include=data.model_fields_set)
    return _tagged(await operators.change_account(deps, principal, origin, UserId(known_id(account)), wish, conditions))


@delete(
    f"{PATH}/{{account:str}}",
    opt=operator()
    | documented(
        raises=[NotFound, Forbidden, LastOperator, StateConflict],
        events=["auth.user.deleted.v1", "auth.session.revoked.v1", ACTED],
    ),
    operation_id="delete_account",
    tags=TAGS,
    summary="Close an account for good",
    status_code=204,
)
async def remove_account(
    account: AccountId,
    principal: ThePrincipal,
    origin: TheOrigin,
    deps: TheDeps,
    confirm: Annotated[str, QueryParameter(description="The account's user name.")] = "",
) -> None:
    """Its sessions end, and name and address are free for others. There is no way back."""
    await operators.delete_account(deps, principal, origin, UserId(known_id(account)), confirm)


@post(
    f"{PATH}/{{account:str}}/sessions/revoke",
    opt=operator() | documented(raises=[NotFound, Forbidden], events=["auth.session.revoked.v1", ACTED]),
    operation_id="revoke_account_sessions",
    tags=TAGS,
    summary="Sign somebody out everywhere",
    status_code=204,
)
async def post_revocation(account: AccountId, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """Every session of the account ends; its owner may sign in again."""
    await operators.revoke_sessions(deps, principal, origin, UserId(known_id(account)))


@post(
    f"{PATH}/{{account:str}}/password/reset",
    opt=operator() | documented(raises=[NotFound, Forbidden], events=["auth.session.revoked.v1", ACTED]),
    operation_id="reset_account_password",
    tags=TAGS,
    summary="Make somebody set another password",
    status_code=204,
)
async def post_password_reset(account: AccountId, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """The password opens the account no more and every session ends; the owner sets another one by mail."""
    await operators.force_password_reset(deps, principal, origin, UserId(known_id(account)))


@post(
    f"{PATH}/{{account:str}}/mfa/reset",
    opt=operator(session_only=True)
    | documented(
        raises=[NotFound, Forbidden, StepUpRequired], events=["auth.mfa.disabled.v1", "auth.session.revoked.v1", ACTED]
    ),
    operation_id="reset_account_mfa",
    tags=TAGS,
    summary="Turn somebody's second factor off",
    status_code=204,
)
async def post_mfa_reset(account: AccountId, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """For somebody who lost the app and the recovery codes: a password is enough again, and every session ends.
    Takes a person who has just proved who they are, and no token.
    """
    await operators.reset_second_factor(deps, principal, origin, UserId(known_id(account)))


ROUTES = (
    get_accounts,
    post_account,
    get_account,
    patch_account,
    remove_account,
    post_revocation,
    post_password_reset,
    post_mfa_reset,
)
