"""Telling from several processes, and through a stop: each stream whole whoever serves it, each webhook told once."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from coffer_chassis.testing import eventually
from coffer_notifier.domain.places import Place, stream_id_in
from factories.people import Person
from factories.receivers import receiver
from factories.roles import Role
from factories.stacks import STOP_SECONDS, LocalStack, local_stack
from factories.streams import Listener, listening

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30
"""Far more than it takes to hear of something."""
MANY = 30


@contextlib.contextmanager
def api_of_the_notifier(stack: LocalStack, reader: Person) -> Iterator[Role]:
    """One more process that answers for the notifier, on the stack's stores, once it has streams for a reader."""
    role = Role.start(stack, "api", "coffer_notifier").ready()
    http = reader.through(role.public).http

    def opened() -> dict[str, int]:
        with http.stream("GET", "/v1/stream") as answer:
            return {"status": answer.status_code}

    try:
        reader.wait_for(opened, lambda asked: asked["status"] == 200, within_seconds=WITHIN_SECONDS)
        yield role
    finally:
        role.process.terminate()
        role.process.wait(STOP_SECONDS)
        stack.others.remove(role.process)


def shared_names(listener: Listener) -> list[str]:
    """The folders that notices named, in the order in which they came."""
    return [told.data["item"]["name"] for told in listener.events("notification")]


def place_of(last_id: str | None) -> Place:
    """Where an id stands."""
    found = stream_id_in(last_id or "")
    assert found is not None, last_id
    return found.place


def share(giver: Person, name: str, receiver_: Person) -> None:
    giver.share(giver.folder(name)["id"], receiver_, notify=False)


async def test_streams_of_two_processes_on_one_store_tell_everything_once_and_in_order(stack: LocalStack) -> None:
    ann, bob = Person.at(stack.url), Person.at(stack.url)
    token = bob.tokens["access_token"]
    names = [f"{number:02}" for number in range(MANY)]
    with api_of_the_notifier(stack, bob) as one, api_of_the_notifier(stack, bob) as two:
        async with listening(one.public, token) as first, listening(two.public, token) as second:
            for name in names:
                await asyncio.to_thread(share, ann, name, bob)
            for listener in (first, second):
                await listener.hears(MANY, "notification", within_seconds=60)
            # Whatever were told once too often would come before this.
            await asyncio.to_thread(share, ann, "last", bob)
            for listener in (first, second):
                await listener.hears(MANY + 1, "notification", within_seconds=60)
                assert sorted(shared_names(listener)) == sorted([*names, "last"])
                assert listener.events("reset") == []
        places = [[place_of(told.id) for told in listener.events("notification")] for listener in (first, second)]
        assert places[0] == sorted(set(places[0])), "in order"
        assert places[0] == places[1], "and the same ids, so that each goes on where the other was"


@asynccontextmanager
async def cut_at(role: Role, token: str, last_id: str | None) -> AsyncIterator[Listener]:
    """A stream that whoever serves it is killed under."""
    async with listening(role.public, token, last_id=last_id) as listener:
        yield listener
        role.process.kill()
        await listener.ends()


async def test_a_stream_goes_on_in_another_process_when_its_own_is_killed(stack: LocalStack) -> None:
    ann, bob = Person.at(stack.url), Person.at(stack.url)
    token = bob.tokens["access_token"]
    with api_of_the_notifier(stack, bob) as dying, api_of_the_notifier(stack, bob) as other:
        async with cut_at(dying, token, None) as before:
            await asyncio.to_thread(share, ann, "one", bob)
            await before.hears(1, "notification")
        await asyncio.to_thread(share, ann, "two", bob)
        async with listening(other.public, token, last_id=before.last_id) as after:
            await asyncio.to_thread(share, ann, "three", bob)
            await after.hears(2, "notification")
            assert shared_names(before) + shared_names(after) == ["one", "two", "three"]
            assert after.events("reset") == []


async def test_a_session_that_ends_ends_its_streams_in_every_process(stack: LocalStack) -> None:
    ann = Person.at(stack.url)
    token = ann.tokens["access_token"]
    with api_of_the_notifier(stack, ann) as one:
        async with listening(one.public, token) as here, listening(stack.url, token) as there:
            assert ann.http.post("/v1/auth/logout", json={}).status_code in {200, 204}
            await here.ends(within_seconds=WITHIN_SECONDS)
            await there.ends(within_seconds=WITHIN_SECONDS)


SLOWLY = 7.5
"""Longer than a stop waits for anything else, and half of what a receiver may take."""


async def test_a_stop_tells_no_receiver_twice_that_answers_slowly() -> None:
    with receiver() as hook, local_stack(COFFER_NOTIFIER_WEBHOOK_ALLOW_LOOPBACK="1") as stack:
        assert "webhooks_reach_this_machine" in stack.said(), "which is announced at the start"
        ann = Person.at(stack.url)
        made = ann.http.post("/v1/webhooks", json={"url": hook.url, "event_types": ["files.item.created.v1"]})
        assert made.status_code == 201, made.text
        hook.answering.clear()
        ann.folder("Plans")

        async def called() -> bool:
            return len(hook.calls) == 1

        await eventually(called, within_seconds=WITHIN_SECONDS)
        began = time.monotonic()
        answering = threading.Timer(SLOWLY, hook.answering.set)
        answering.start()
        await asyncio.to_thread(stack.stop)
        assert time.monotonic() - began >= SLOWLY, "the stop waited for the answer"
        answering.join()
        stack.start()
        page = ann.get(f"/v1/webhooks/{made.json()['id']}/deliveries")
        assert [(one["status"], one["attempts"]) for one in page["items"]] == [("delivered", 1)]
        assert len(hook.calls) == 1
