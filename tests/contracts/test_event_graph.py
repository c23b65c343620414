"""Who publishes what and who hears it, joined from the handler tables and subscriptions of all services."""

import importlib
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

import pytest

from coffer_chassis.handling import HandlerTable, Handles
from coffer_chassis.storage import ObjectStored
from coffer_contracts.catalog import READABLE, newest_type, older_types
from coffer_contracts.event import PrivateCommand
from coffer_contracts.events_page import emitter_of
from coffer_local.registry import SERVICES, Entry
from factories.rows import for_every

NEXT_IN_LINE = {
    ("media.upload.cleared.v1", "files.upload.received.v1"),
    ("media.upload.rejected.v1", "files.upload.received.v1"),
}
"""A verdict makes room for another upload of the same owner, which is then dispatched. Each upload waits in that line once,
so the chain ends with the line; the fact is never about the upload that was judged."""

TYPES = sorted(READABLE)


def tables(service: Entry) -> Mapping[str, HandlerTable]:
    """Queue -> handler table, as the service's `app` exports it; a service without queues may have none."""
    found: Mapping[str, HandlerTable] = getattr(importlib.import_module(f"{service.package}.app"), "TABLES", {})
    return found


def rows() -> list[tuple[Entry, Handles]]:
    return [(service, row) for service in SERVICES for table in tables(service).values() for row in table.values()]


def readers(wire_type: str) -> list[str]:
    """Services that handle the type, or the major that its messages lift to."""
    return [service.name for service, row in rows() if row.event.type == newest_type(wire_type)]


@pytest.fixture(params=SERVICES, ids=lambda service: service.name)
def service(request: pytest.FixtureRequest) -> Entry:
    entry: Entry = request.param
    return entry


def test_every_queue_of_a_service_has_a_handler_table(service: Entry) -> None:
    assert set(tables(service)) == {lane.queue for lane in service.topology.lanes}


def test_a_queue_is_subscribed_to_exactly_what_its_table_handles(service: Entry) -> None:
    for lane in service.topology.lanes:
        handled = {row.event.type for row in tables(service)[lane.queue].values()} - {ObjectStored.type}
        older = {older for wire_type in handled for older in older_types(wire_type)}
        assert {name for names in lane.reads.values() for name in names} == handled | older
        for topic, names in lane.reads.items():
            end = "private" if lane.private else "events"
            assert {f"{emitter_of(name)}-{end}" for name in names} == {topic}
            assert {issubclass(READABLE[name], PrivateCommand) for name in names} == {lane.private}


def test_only_a_queue_that_the_bucket_reports_to_handles_its_reports(service: Entry) -> None:
    for lane in service.topology.lanes:
        assert (ObjectStored.type in tables(service)[lane.queue]) == bool(lane.storage_prefixes)


def test_handlers_read_and_emit_known_types_only() -> None:
    for _, row in rows():
        assert row.event is ObjectStored or READABLE.get(row.event.type) is row.event
        for emitted in row.emits:
            assert READABLE.get(emitted.type) is emitted


def test_handlers_read_and_emit_the_newest_major_only() -> None:
    """Older messages are lifted before a handler sees them, and older twins are made when a fact is written."""
    for _, row in rows():
        for event in (row.event, *row.emits):
            assert newest_type(event.type) == event.type, row.run.__qualname__


def test_a_service_emits_its_own_facts_only() -> None:
    for service, row in rows():
        for emitted in row.emits:
            assert emitter_of(emitted.type) == service.name, row.run.__qualname__


@for_every("wire_type", TYPES)
def test_an_event_has_a_reader_or_is_public(wire_type: str) -> None:
    assert bool(readers(wire_type)) != READABLE[wire_type].public, readers(wire_type)


def graph(*, without: set[tuple[str, str]]) -> dict[str, set[str]]:
    """Event type -> what its handlers emit."""
    edges: dict[str, set[str]] = {}
    for _, row in rows():
        follow = {emitted.type for emitted in row.emits if (row.event.type, emitted.type) not in without}
        edges.setdefault(row.event.type, set()).update(follow)
    return edges


def test_no_fact_can_set_itself_off_again() -> None:
    try:
        tuple(TopologicalSorter(graph(without=NEXT_IN_LINE)).static_order())
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_every_exception_from_that_is_still_needed() -> None:
    edges = graph(without=set())
    for heard, emitted in NEXT_IN_LINE:
        assert emitted in edges[heard]
        with pytest.raises(CycleError):
            tuple(TopologicalSorter(graph(without=NEXT_IN_LINE - {(heard, emitted)})).static_order())
