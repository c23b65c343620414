"""Whole path segments decide who answers."""

import pytest

from coffer_local.openapi_document import route_apps
from coffer_local.registry import SERVICES, topology
from coffer_local.route_table import OWNERS, RouteTable


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/v1/items/root/children", "files"),
        ("/v1/items", "files"),
        ("/v1/itemsx", None),
        ("/v1/me", "auth"),
        ("/v1/menu", None),
        ("/.well-known/jwks.json", "auth"),
        ("/.well-known/other", None),
        ("/v1/shares/jwks.json", "sharing"),
        ("/v1/public/links/abc/unlock", "sharing"),
        ("/v1/public", None),
        ("/v1/admin/files/outbox", "files"),
        ("/v1/admin/media-worker/queues", "media-worker"),
        ("/v1/admin", None),
        ("/drive", "files"),
        ("/drive/1", "files"),
        ("/", None),
        ("//v1/items", None),
        ("/v1//items", None),
        ("/V1/items", None),
        ("", None),
        ("*", None),
    ],
)
def test_the_owner_of_a_path(path: str, owner: str | None) -> None:
    assert RouteTable().owner(path) == owner


def test_two_owners_of_one_prefix_are_refused() -> None:
    with pytest.raises(ValueError, match="two owners"):
        RouteTable({"one": ["/v1/a"], "two": ["/v1/a"]})


@pytest.mark.slow
def test_every_route_of_a_service_lies_under_its_own_prefixes() -> None:
    table = RouteTable()
    for name, app in route_apps().items():
        for route in app.routes:
            assert table.owner(route.path) == (None if name == "gateway" else name), route.path


def test_every_service_has_its_operator_prefix() -> None:
    for service, prefixes in OWNERS.items():
        assert f"/v1/admin/{service}" in prefixes


def test_the_topology_of_the_release_is_sound_and_every_lane_has_handlers() -> None:
    whole = topology("bucket")
    for entry in SERVICES:
        assert {lane.queue for lane in entry.topology.lanes} == set(entry.tables)
    assert {lane.queue for lane in whole.lanes} >= {"files-storage", "media-worker-fast", "media-worker-bulk"}
    storage = [lane for lane in whole.lanes if lane.storage_prefixes]
    assert {lane.queue: lane.storage_prefixes for lane in storage} == {
        "files-storage": ("blobs/", "incoming/"),
        "auth-storage": ("photos/incoming/",),
    }
