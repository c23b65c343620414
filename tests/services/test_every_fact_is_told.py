"""Every declared type is really told by the service that owns it: nothing in the catalog is only a promise."""

from typing import Any

import pytest
from sqlalchemy import text

from coffer_contracts.catalog import EVENTS, parse
from coffer_contracts.events_page import emitter_of
from coffer_local.registry import SERVICES, Entry
from coffer_notifier.domain.security import SECURITY, actor_of
from factories.databases import Database
from factories.emitting import LIVES
from factories.engines import engine_on

TAKES_AWAY = {"sharing.grant.removed.v1", "sharing.link.sessions_ended.v1", "auth.session.revoked.v1", "auth.token.revoked.v1"}
"""Types of facts that end something that somebody may do elsewhere."""

MAY_TAKE_AWAY = {"sharing.grant.set.v1"}

BY_ITSELF = {"expired", "item_purged"}
"""Why something ended that nobody took back at that moment: such ends come in crowds, and nobody waits for the news."""


def test_every_service_lives() -> None:
    assert set(LIVES) == {service.name for service in SERVICES}


def test_every_type_has_an_owner_that_lives() -> None:
    assert {emitter_of(event.type) for event in EVENTS} <= set(LIVES)


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_a_service_tells_all_that_it_declares_and_nothing_else(service: Entry, database: Database) -> None:
    """Older majors that are still published lie beside the newest in its outbox."""
    declared = {event.type for event in EVENTS if emitter_of(event.type) == service.name}
    assert await LIVES[service.name](database(service.package)) == declared


@pytest.mark.slow
@pytest.mark.parametrize("service", ["auth", "sharing"])
async def test_what_somebody_takes_away_is_urgent_and_nothing_else_is(service: str, database: Database) -> None:
    url = database(f"coffer_{service}")
    await LIVES[service](url)
    async with engine_on(url) as engine, engine.begin() as connection:
        rows = (await connection.execute(text("SELECT body, urgent FROM outbox WHERE NOT replay"))).all()
    seen = set()
    for row in rows:
        fact: Any = parse(row.body)
        seen.add(fact.type)
        takes_away = fact.type in TAKES_AWAY and fact.data.reason not in BY_ITSELF
        assert row.urgent == takes_away or fact.type in MAY_TAKE_AWAY, fact
    assert seen >= {wire_type for wire_type in TAKES_AWAY if emitter_of(wire_type) == service}


@pytest.mark.slow
async def test_auth_fills_actor_address_and_agent_of_every_security_fact(database: Database) -> None:
    url = database("coffer_auth")
    await LIVES["auth"](url)
    async with engine_on(url) as engine, engine.begin() as connection:
        bodies = (await connection.execute(text("SELECT body FROM outbox"))).scalars().all()
    facts: list[Any] = [fact for fact in map(parse, bodies) if isinstance(fact.data, SECURITY)]
    assert {type(fact.data) for fact in facts} == set(SECURITY)
    for fact in facts:
        assert fact.data.address, fact.type
        assert fact.data.agent, fact.type
        assert actor_of(fact)[0], fact.type
