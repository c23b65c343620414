"""Looking for things by name and text, in the caller's drive and in what others gave them.

The store names candidates, bounded in number; here each is looked at with the folders above it, and the one resolver says
whether the caller may see it. So a page may be short before the end: the next one goes on behind the last candidate.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Rights, rights_named
from coffer_chassis.identity import Principal
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.problems import KindConflict
from coffer_files.domain.highlights import Excerpt, Range, excerpt, ranges
from coffer_files.domain.items import Given, Located
from coffer_files.domain.searching import STAGES, Candidate, Filters, Place, Query, Sort, Stage
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import ROOT
from coffer_files.handlers.sight import Seen, seen, seen_by
from coffer_files.store import items as rows
from coffer_files.store import reaches
from coffer_files.store import searching as store
from coffer_files.store.grants import given_to, locate_many
from coffer_files.store.reaches import Reach
from coffer_files.store.texts import beginnings

ROUNDS = 4
"""How often candidates are fetched for one page."""

FEWEST = 30
EXCERPTS = 20
"""Files of a page that are shown with part of their text."""

EXCERPT_SOURCE = 32_000
"""Characters of a text that an excerpt may come from."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for, where, and which part of the result is wanted."""

    query: Query
    filters: Filters = field(default_factory=Filters)
    within: str | None = None
    sort: Sort = "relevance"
    limit: int = 50
    after: Place | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An item that was looked for, and where in its name or text."""

    seen: Seen
    place: Place
    name_ranges: tuple[Range, ...] = ()
    excerpt: Excerpt | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A page; `after` is where the next one begins, None at the end."""

    found: list[Found]
    after: Place | None


async def search(deps: Deps, principal: Principal, asked: Asked) -> Result:
    """A page of what matches and the caller may see. Raises NotFound for a folder they may not, KindConflict for a file."""
    async with deps.work.read() as connection:
        return await _Search(connection, principal, asked, deps.work.clock.now()).run()


class _Search:
    """One search on one connection."""

    def __init__(self, connection: AsyncConnection, principal: Principal, asked: Asked, now: datetime) -> None:
        self._connection = connection
        self._principal = principal
        self._asked = asked
        self._now = now
        self._given: list[Given] = []
        self._within: Located | None = None
        self._reaches: list[Reach] = []

    async def run(self) -> Result:
        await self._look_around()
        found, after = await self._collect()
        shown = found[: self._asked.limit]
        if len(found) > self._asked.limit:
            after = shown[-1].place
        return Result(await self._highlighted(shown), after)

    async def _look_around(self) -> None:
        """Find out where to look."""
        asked, me = self._asked, self._principal.user_id
        wants_own = asked.filters.owner_id in {None, me}
        wants_others = asked.filters.owner_id != me and asked.filters.shared is not False
        everything = await given_to(self._connection, self._principal.grantee)
        given = [
            (one, owner_id)
            for one, owner_id in everything
            if owner_id != me
            and Rights.READ in rights_named(one.words)
            and (one.expires_at is None or self._now < one.expires_at)
        ]
        self._given = [one for one, _ in given]
        if asked.within is not None:
            await self._look_within(asked.within, wants_own=wants_own, wants_others=wants_others)
            return
        if wants_own:
            self._reaches.append(Reach([me], hidden=await self._hidden(me)))
        if wants_others:
            given = [(one, owner) for one, owner in given if asked.filters.owner_id in {None, owner}]
            tops = [one.item_id for one, _ in given]
            if tops:
                self._reaches.append(await self._below(tops, sorted({owner for _, owner in given}), single=tops))

    async def _look_within(self, ref: str, *, wants_own: bool, wants_others: bool) -> None:
        me, grantee = self._principal.user_id, self._principal.grantee
        if ref == ROOT:
            found = await rows.find_root(self._connection, me)
            if found is None:
                return  # nothing was ever put there
        else:
            found = await rows.find(self._connection, ItemId(ref), grantee)
        folder = seen(found, grantee, self._now).at
        if folder.item.kind != "folder":
            raise KindConflict("Only in folders things can be looked for.")
        self._within, owner_id = folder, UserId(folder.item.owner_id)
        if not (wants_own if owner_id == me else wants_others) or self._asked.filters.owner_id not in {None, owner_id}:
            return
        if owner_id == me and folder.is_root:
            self._reaches.append(Reach([me], hidden=await self._hidden(me)))
        else:
            self._reaches.append(await self._below([folder.item.id], [owner_id]))

    async def _hidden(self, owner_id: UserId) -> Sequence[ItemId]:
        """Folders below the trash, if they are not too many: then each candidate is looked at all the same."""
        tops = await reaches.trashed_folders(self._connection, owner_id)
        below = await reaches.folders_below(self._connection, tops)
        return tops if below is None else below

    async def _below(self, tops: Sequence[ItemId], owners: Sequence[UserId], *, single: Sequence[ItemId] = ()) -> Reach:
        folders = await reaches.folders_below(self._connection, tops)
        if folders is None:
            return Reach(owners)
        return Reach(owners, folders, single, listed=await reaches.are_few(self._connection, folders))

    async def _collect(self) -> tuple[list[Found], Place | None]:
        """What the caller may see, one more than asked for if there is more; and where the next search would go on."""
        asked = self._asked
        # Without words nothing is more relevant than anything else.
        sort = asked.sort if asked.query.words or asked.sort != "relevance" else "-modified_at"
        stages = [stage for stage in STAGES[sort] if stage != "text" or asked.query.text_words]
        after = asked.after
        if after is not None:
            stages = stages[stages.index(after.stage) :] if after.stage in stages else []
        found: list[Found] = []
        rounds = 0
        while stages and self._reaches:
            if rounds >= ROUNDS and after is not None:
                return found, after  # of a stage that was not begun there is no place to go on from
            rounds += 1
            limit = max(FEWEST, asked.limit + 1 - len(found))
            page, end = await self._candidates(stages[0], limit, after if after and after.stage == stages[0] else None)
            found += await self._visible(stages[0], page)
            if len(found) > asked.limit:
                break
            if end is None:
                stages.pop(0)
                rounds -= 1 if not page else 0  # an empty stage costs little
                after = None
            else:
                after = Place(stages[0], end.value, end.id)
        return found, None

    async def _candidates(self, stage: Stage, limit: int, after: Place | None) -> tuple[list[Candidate], Candidate | None]:
        """The next candidates of all reaches in one order, and the place to go on from; None when the stage is done."""
        asked = self._asked
        lists: list[list[Candidate]] = []
        ends: list[Candidate] = []
        for reach in self._reaches:
            page, end = await store.candidates(
                self._connection, reach, asked.query, asked.filters, stage,
                user_id=self._principal.user_id, limit=limit, after=after,
            )  # fmt: skip
            lists.append(page)
            ends += [end] if end else []
        down = stage in {"infix", "text", "newest", "-size"}
        merged = list(dict.fromkeys(heapq.merge(*lists, key=_sort_key, reverse=down)))
        if not ends:
            return merged, None
        # Behind the first end there may be more in that reach than was fetched.
        first = (max if down else min)(ends, key=_sort_key)
        last = _sort_key(first)
        return [one for one in merged if (_sort_key(one) >= last if down else _sort_key(one) <= last)], first

    async def _visible(self, stage: Stage, page: Sequence[Candidate]) -> list[Found]:
        located = await locate_many(self._connection, [one.id for one in page], self._given, self._principal.grantee)
        found = []
        for one in page:
            at = located.get(one.id)
            if at is None or not at.is_live or at.is_root or not self._lies_within(at):
                continue
            if visible := seen_by(at, self._principal.grantee, self._now):
                found.append(Found(visible, Place(stage, one.value, one.id)))
        return found

    def _lies_within(self, at: Located) -> bool:
        return self._within is None or self._within.item.id in at.ancestor_ids

    async def _highlighted(self, found: Sequence[Found]) -> list[Found]:
        words = self._asked.query.words
        if not words:
            return list(found)
        by_text = [one.place.id for one in found if one.place.stage == "text"]
        known = await beginnings(self._connection, by_text[:EXCERPTS], EXCERPT_SOURCE)
        parts = [word for word, _ in self._asked.query.text_words]
        return [
            Found(
                one.seen,
                one.place,
                ranges(one.seen.at.item.name, words),
                excerpt(known[one.place.id], parts) if one.place.id in known else None,
            )
            for one in found
        ]


def _sort_key(candidate: Candidate) -> tuple[Any, str]:
    return candidate.value, candidate.id
