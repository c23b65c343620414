"""Locks over HTTP."""

from typing import Literal

from litestar import Response, delete, put
from litestar.params import JSONBody
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.problems import LimitReached, Locked
from coffer_files.domain.locks import LONGEST_SECONDS, LockScope
from coffer_files.handlers.locks import Wish, lock_item, unlock_item
from coffer_files.routes.answers import LockAnswer, lock_answer
from coffer_files.routes.requests import WRITE, InPath, TheDeps, item_ref


class LockBody(Body):
    """What kind of lock is wanted."""

    ttl: int = Field(600, ge=1, le=LONGEST_SECONDS, description="Seconds until it ends by itself; ask again to renew it.")
    scope: LockScope = Field("exclusive", description="`shared`: others may share it, and whoever does may write.")
    depth: Literal[0, "infinity"] = Field(0, description="`infinity`: everything below a folder, too.")
    owner_info: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="What others are shown, e.g. the program that holds it.",
    )


@put(
    "/v1/items/{item:str}/lock",
    opt=user(WRITE) | documented(raises=[Locked, LimitReached]),
    operation_id="lock_item",
    tags=["items"],
    summary="Keep others from changing an item",
)
async def put_lock(
    item: InPath, data: JSONBody[LockBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[LockAnswer]:
    """Until it ends others get 423 `locked` for every change; the caller may write from any session. Repeating renews it."""
    depth: Literal["0", "infinity"] = "infinity" if data.depth == "infinity" else "0"
    wish = Wish(data.ttl, data.scope, depth, data.owner_info)
    return Response(lock_answer(await lock_item(deps, principal, origin, item_ref(item), wish)))


@delete(
    "/v1/items/{item:str}/lock",
    opt=user(WRITE) | documented(raises=[Locked]),
    operation_id="unlock_item",
    tags=["items"],
    summary="Let others change an item again",
)
async def delete_lock(item: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> None:
    """End the caller's own lock; the owner of the drive ends everybody's."""
    await unlock_item(deps, principal, origin, item_ref(item))


ROUTES = (put_lock, delete_lock)
