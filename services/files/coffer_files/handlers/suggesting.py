"""Suggestions while somebody types, and what they looked for lately."""

from dataclasses import dataclass

from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_files.domain.searching import Query, escaped
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.searching import Asked, Found, search
from coffer_files.store import queries as rows

RECENT = 5


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Items, the best first, and queries of the person's own, the last first."""

    found: list[Found]
    recent: list[str]


async def suggest(deps: Deps, principal: Principal, query: Query, limit: int) -> Suggestions:
    """What somebody who types this may mean; without words only what they looked for before. At most `limit` items."""
    result = await search(deps, principal, Asked(query, limit=limit)) if query.words else None
    async with deps.work.read() as connection:
        pattern = f"%{escaped(query.beginning)}%"
        recent = await rows.remembered(connection, principal.user_id, pattern, RECENT)
    return Suggestions(result.found if result else [], recent)


async def remember_query(deps: Deps, principal: Principal, origin: Origin, text: str) -> None:
    """Note what the person looked for. May run twice. Raises ValidationFailed."""
    query = Query.parse(text)
    if query.words:
        async with deps.work.unit(origin) as unit:
            await rows.remember(unit.connection, principal.user_id, query.beginning, " ".join(text.split()), unit.now)


async def forget_queries(deps: Deps, principal: Principal, origin: Origin, text: str | None) -> None:
    """Forget one query of the person in any spelling, or all. May run twice."""
    key = Query.parse(text).beginning if text is not None else None
    async with deps.work.unit(origin) as unit:
        await rows.forget(unit.connection, principal.user_id, key)
