"""Many changes of the tree in one request and one transaction, each with a result of its own.

Every operation runs behind a savepoint: one that is refused leaves nothing behind, and the next goes on. Because all commit
together with the use of an Idempotency-Key, a batch that is sent twice does nothing twice, whatever happened in between.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy.exc import DBAPIError, IntegrityError

from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.problems import document
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import BatchUndone, Problem, StateConflict
from coffer_files.domain.names import accept_name
from coffer_files.domain.tags import accept_tags
from coffer_files.handlers.copying import Wish as Placement
from coffer_files.handlers.copying import copy_in
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.favourites import favour_in
from coffer_files.handlers.items import RACES, ROOT, KeepBoth, Wish, change_in, is_race
from coffer_files.handlers.naming import guard
from coffer_files.handlers.sight import Seen, seen, seen_by
from coffer_files.handlers.trash import purge_some, purgeable, restore_in, trash_in
from coffer_files.store import items as rows
from coffer_files.store.drives import lock_drive
from coffer_files.store.grants import given_to, locate_many
from coffer_files.store.owners import owners_of

Verb = Literal["move", "copy", "rename", "trash", "restore", "purge", "tag", "favourite"]

PURGE_PAGES = 20
"""What one operation removes for good at most, in pages: more than that is for a request of its own, in many units."""

BOOKED: frozenset[Verb] = frozenset({"copy", "trash", "restore", "purge"})
"""What may change how full a drive is."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One change. `wish` is for moves, renames, tags and copies; `parent` and `conflict` say where something is restored to."""

    verb: Verb
    item_id: ItemId
    ref: str | None = None
    conditions: Conditions = field(default_factory=Conditions)
    wish: Wish = field(default_factory=Wish)
    parent: str | None = None
    conflict: KeepBoth = "rename"
    favourite: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one operation: the item as it stands now, if it is there and may be seen, the job that goes on with it, or
    the refusal.
    """

    ref: str | None
    status: int
    item: Seen | None = None
    job_id: str | None = None
    problem: Mapping[str, Any] | None = None


Done = dict[str, Any]
"""What the result of an operation says beside its `ref`, if it is not just that it was done."""


class _Undone(Exception):
    """An operation of a batch that is all or nothing was refused; carries the results."""

    def __init__(self, results: list[dict[str, Any]]) -> None:
        super().__init__()
        self.results = results


async def run_batch(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    claim: Claim | None,
    operations: Sequence[Operation],
    *,
    atomic: bool,
    problem_base: str,
) -> tuple[list[Result], bool]:
    """Run the operations in their order; a result for each, and whether this is the replay of an earlier request. Refusals are
    results. `atomic`: all or nothing; then the others have the result that they were undone.

    The drives concerned are taken one batch at a time. Raises IdempotencyKeyReuse, IdempotencyInProgress.
    """

    async def run(unit: Unit) -> dict[str, Any]:
        await _lock(unit, principal, operations)
        results = [await _run_one(unit, deps, principal, one, problem_base) for one in operations]
        if atomic and any("problem" in one for one in results):
            undone = document(BatchUndone(), base=problem_base)
            others = {"status": BatchUndone.status, "problem": undone}
            raise _Undone([one if "problem" in one else {"ref": one["ref"], **others} for one in results])
        return {"results": results}

    try:
        found, replayed = await once(deps.work, origin, claim, run)
        results: list[dict[str, Any]] = found["results"]
    except _Undone as undone:
        results, replayed = undone.results, False
    if not replayed:
        _note(deps, origin, operations, results)
    return await _as_they_stand(deps, principal, operations, results), replayed


async def _lock(unit: Unit, principal: Principal, operations: Sequence[Operation]) -> None:
    """Everything that comes before items in the order of locks: later on these could not be taken any more."""
    parents = {parent for one in operations for parent in (one.parent, one.wish.parent) if parent is not None}
    named = [one.item_id for one in operations] + [ItemId(parent) for parent in parents - {ROOT}]
    own = {principal.user_id} if ROOT in parents else set()
    owners = sorted({*await _concerned(unit, principal, named), *own})
    for owner_id in owners:
        await rows.lock_tree(unit.connection, owner_id)
    if any(one.verb in BOOKED or one.wish.conflict == "replace" for one in operations):
        for owner_id in owners:
            await lock_drive(unit.connection, owner_id)


async def _concerned(unit: Unit, principal: Principal, named: Sequence[ItemId]) -> set[UserId]:
    """Whose drives are held: the caller's own and those of whoever gave them something. Naming what one may not see holds up
    nobody.
    """
    owners = set(await owners_of(unit.connection, named))
    others = owners - {principal.user_id}
    givers = {owner for _, owner in await given_to(unit.connection, principal.grantee)} if others else set()
    return owners - (others - givers)


async def _run_one(unit: Unit, deps: Deps, principal: Principal, one: Operation, problem_base: str) -> dict[str, Any]:
    try:
        for race in range(RACES):
            part = deps.work.unit_on(unit.connection, unit.origin)
            try:
                async with unit.connection.begin_nested():
                    done = await _VERBS[one.verb](part, deps, principal, one, look=race > 0)
                    await part.flush(deps.work.tables)
            except DBAPIError as error:
                # Somebody may have put something into a folder that was just being emptied for good.
                if not is_race(error) and not (one.verb == "purge" and isinstance(error, IntegrityError)):
                    raise
                continue
            unit.topics |= part.topics
            return {"ref": one.ref, "status": 200, **(done or {})}
        raise StateConflict("Others keep taking the name.")
    except Problem as refusal:
        return {"ref": one.ref, "status": refusal.status, "problem": document(refusal, base=problem_base)}


async def _change(unit: Unit, deps: Deps, principal: Principal, one: Operation, *, look: bool) -> None:
    wish = one.wish
    if wish.name is not None:
        wish = replace(wish, name=accept_name(wish.name))
    if wish.tags is not None:
        wish = replace(wish, tags=accept_tags(wish.tags))
    await change_in(unit, deps, principal, one.item_id, wish, one.conditions, look=look)


async def _trash(unit: Unit, deps: Deps, principal: Principal, one: Operation, *, look: bool) -> None:  # noqa: ARG001  # a verb
    await trash_in(unit, principal, one.item_id, one.conditions)


async def _restore(unit: Unit, deps: Deps, principal: Principal, one: Operation, *, look: bool) -> None:
    await _guard(unit, principal, one)
    await restore_in(unit, deps, principal, one.item_id, one.parent, one.conflict, look=look)


async def _copy(unit: Unit, deps: Deps, principal: Principal, one: Operation, *, look: bool) -> Done:  # noqa: ARG001  # a verb
    await _guard(unit, principal, one)
    where = Placement(one.wish.parent or ROOT, one.wish.name, one.wish.conflict)
    done = await copy_in(unit, deps, principal, one.item_id, where)
    return {"status": 202 if "job_id" in done else 201, **done}


async def _purge(unit: Unit, deps: Deps, principal: Principal, one: Operation, *, look: bool) -> Done:  # noqa: ARG001  # a verb
    await _guard(unit, principal, one)
    owner_id = purgeable(await rows.locate(unit.connection, one.item_id, principal.grantee), principal, unit.now).item.owner_id
    for _ in range(PURGE_PAGES):
        if await purge_some(unit, owner_id, one.item_id):
            return {"status": 204}
    raise StateConflict("Too much lies in it for a batch; remove it by itself.")


async def _favour(unit: Unit, deps: Deps, principal: Principal, one: Operation, *, look: bool) -> None:  # noqa: ARG001  # a verb
    await _guard(unit, principal, one)
    await favour_in(unit, principal, one.item_id, wanted=one.favourite)


async def _guard(unit: Unit, principal: Principal, one: Operation) -> None:
    """Raises PreconditionFailed, NotFound; costs nothing where nothing is demanded."""
    if one.conditions.if_match is not None:
        found = await rows.lock(unit.connection, one.item_id, principal.grantee)
        guard(one.conditions, seen(found, principal.grantee, unit.now, in_trash=True).at.item)


_VERBS: Mapping[Verb, Callable[..., Awaitable[Done | None]]] = {
    "move": _change,
    "copy": _copy,
    "rename": _change,
    "tag": _change,
    "trash": _trash,
    "restore": _restore,
    "purge": _purge,
    "favourite": _favour,
}


def _note(deps: Deps, origin: Origin, operations: Sequence[Operation], results: Sequence[Mapping[str, Any]]) -> None:
    for one, result in zip(operations, results, strict=True):
        if one.verb in {"move", "rename"} and "problem" not in result:
            deps.interactions.note_by(origin, one.item_id)


async def _as_they_stand(
    deps: Deps, principal: Principal, operations: Sequence[Operation], results: Sequence[Mapping[str, Any]]
) -> list[Result]:
    """The items after everything, in two statements: what one operation did, a later one may have changed."""
    now = deps.work.clock.now()
    # Of a copy, the new item; what a job has begun to fill is shown once it is whole.
    ids = [ItemId(result.get("item_id", one.item_id)) for one, result in zip(operations, results, strict=True)]
    done = {item_id for item_id, result in zip(ids, results, strict=True) if result["status"] in {200, 201}}
    found = {}
    if done:
        async with deps.work.read() as connection:
            given = [one for one, _ in await given_to(connection, principal.grantee)]
            found = await locate_many(connection, done, given, principal.grantee)
    shown = {item_id: seen_by(at, principal.grantee, now) for item_id, at in found.items()}
    return [
        Result(
            result["ref"],
            result["status"],
            shown.get(item_id) if result["status"] in {200, 201} else None,
            result.get("job_id"),
            result.get("problem"),
        )
        for item_id, result in zip(ids, results, strict=True)
    ]
