"""Every declared type is really told by the service that owns it: nothing in the catalog is only a promise."""

import pytest

from coffer_contracts.catalog import EVENTS
from coffer_contracts.events_page import emitter_of
from coffer_local.registry import SERVICES, Entry
from factories.databases import Database
from factories.emitting import LIVES


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
