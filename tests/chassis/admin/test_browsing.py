"""What operators see when they browse dead letters: no secrets, however a letter came into the table, and refusals."""

import json

import pytest

from coffer_chassis.admin import letters
from coffer_chassis.dead_letters import Wanted
from coffer_chassis.topology import Lane
from factories.consuming import LANE, WatchedBus
from factories.eventing import Store
from factories.notifications import notification
from factories.operators import letter, operations_on, operators_client


async def test_neither_a_letter_nor_its_group_shows_a_secret_of_its_reason(store: Store) -> None:
    operations = operations_on(store, WatchedBus())
    await letter(store, reason="GET https://bucket/key?X-Amz-Signature=1f2e failed")
    (shown,) = await letters.page(operations, Wanted(), "waiting", None, 2)
    (group,), _ = await letters.groups(operations, Wanted(), "waiting")
    assert shown.reason == group.reason == "GET https://bucket/key?… failed"


@pytest.mark.parametrize("path", ["/dead-letters", "/dead-letters/groups"])
async def test_a_filter_that_no_text_can_be_is_refused(store: Store, path: str) -> None:
    async with operators_client(operations_on(store, WatchedBus())) as http:
        answer = await http.get(path, params={"reason": "a\x00b"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_sizes_that_are_no_numbers_hide_no_other_letter(store: Store) -> None:
    bus = WatchedBus(Lane(LANE.queue, storage_prefixes=("blobs/",)))
    body = notification_text(size="Infinity")
    made = {await letter(store, 1, body=body, type=None), await letter(store, 2, body="{}", type=None)}
    found = await letters.page(operations_on(store, bus, bus.lane), Wanted(), "waiting", None, 10)
    assert {one.id for one in found} == made
    assert all(one.reading.unreadable for one in found)


def notification_text(*, size: str) -> str:
    """A notification of one object as JSON, with this for its size: Python reads more numbers than JSON has."""
    message = json.dumps(notification("blobs/a"))
    assert '"size": 3' in message
    return message.replace('"size": 3', f'"size": {size}')
