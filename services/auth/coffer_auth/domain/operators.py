"""What operators may do to accounts, and to which: nobody shuts themselves out, and somebody always runs the installation."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from coffer_auth.domain.accounts import OPERATOR, Status, User
from coffer_contracts.ids import UserId
from coffer_contracts.problems import Forbidden, LastOperator, NotFound, StateConflict

Role = Literal["user", "operator"]
Standing = Literal["active", "suspended"]

MOST_QUOTA_BYTES = 2**60
DELETED_NAME = "Deleted account"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which accounts: those whose name or address begins like `text`; deleted ones only if they are asked for."""

    text: str = ""
    status: Status | None = None
    role: Role | None = None


def require_operator(actor_id: UserId, operators: Collection[UserId]) -> None:
    """Raise Forbidden unless the account runs the installation at this moment, whatever its token says."""
    if actor_id not in operators:
        raise Forbidden("You are no operator any more.")


def accept_target(target: User | None) -> User:
    """The account something is to be done to. Raises NotFound for none and for one that is closed."""
    if target is None or target.status == "deleted":
        raise NotFound("There is no such account.")
    return target


def changed_by_operator(
    target: User, wish: Mapping[str, object], *, actor_id: UserId, operators: Collection[UserId]
) -> dict[str, object]:
    """What of a wish (`role`, `status`, `quota_bytes`) differs, as columns. Raises Forbidden, LastOperator.

    `operators` are the accounts that run the installation now, the actor among them.
    """
    after = target
    if "role" in wish:
        rest = tuple(role for role in target.roles if role != OPERATOR)
        if wish["role"] == OPERATOR and OPERATOR not in target.roles:
            after = replace(after, roles=(*rest, OPERATOR))
        elif wish["role"] != OPERATOR:
            after = replace(after, roles=rest)
    if wish.get("status") == "suspended" and target.id == actor_id:
        raise Forbidden("Nobody suspends themselves.")
    columns = {name: wish[name] for name in ("status", "quota_bytes") if name in wish and wish[name] != getattr(target, name)}
    if after.roles != target.roles:
        columns["roles"] = list(after.roles)
    if (columns.get("status") == "suspended" or OPERATOR not in after.roles) and not set(operators) - {target.id}:
        raise LastOperator("This is the last account that runs the installation.")
    return columns


def refuse_deletion(target: User, *, actor_id: UserId, confirm: str, operators: Collection[UserId]) -> None:
    """Raise Forbidden for oneself, LastOperator, and StateConflict unless `confirm` is the account's name."""
    if target.id == actor_id:
        raise Forbidden("Nobody deletes themselves here.")
    if not set(operators) - {target.id}:
        raise LastOperator("This is the last account that runs the installation.")
    if confirm != target.username:
        raise StateConflict("Give the user name as `confirm`.", state=target.status)


def nobody(user: User) -> dict[str, object]:
    """The columns of a closed account: nothing in them is the person's, and name and address are free again."""
    return {
        "status": "deleted",
        "username": f"deleted-{user.id}",
        "username_key": f"deleted-{user.id}",
        "email": f"{user.id}@deleted.invalid",
        "email_key": f"{user.id}@deleted.invalid",
        "email_verified": False,
        "display_name": DELETED_NAME,
        "timezone": None,
        "photo": None,
        "roles": [],
    }
