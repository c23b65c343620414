"""Uploads of three people while parts of Coffer are killed at random: nothing is lost, doubled, or left half done.

`COFFER_CHAOS_SEED` runs one seed again; the seed of each run stands in its name and in every failure.
"""

import concurrent.futures
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from factories.chaos import Planned, Victim, ask, carry_out, plan, strike
from factories.chaos_stores import look_into_stores
from factories.people import Person, all_leave
from factories.stacks import stack_on_disk

pytestmark = [pytest.mark.proof, pytest.mark.timeout(400)]

SEEDS = [int(os.environ["COFFER_CHAOS_SEED"])] if "COFFER_CHAOS_SEED" in os.environ else [1, 2, 3]
UPLOADS = 100
PEOPLE = 3
CLIENTS = 6
STORM_SECONDS = 20
CALM_SECONDS = 90
VICTIMS: list[Victim] = ["postgres", "ministack", "main", "everything", "postgres and ministack"]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_killed_every_upload_ends_as_its_client_was_told(seed: int) -> None:
    dice = random.Random(seed)
    with stack_on_disk() as stack:
        try:
            people = [Person.at(stack.url) for _ in range(PEOPLE)]
            cursors = [person.get("/v1/changes/cursor")["cursor"] for person in people]
            planned = plan(dice, people, UPLOADS, STORM_SECONDS)
            with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
                running = [clients.submit(carry_out, upload) for upload in planned]
                for victim in dice.sample(VICTIMS, len(VICTIMS)):
                    time.sleep(dice.uniform(0.5, 2 * STORM_SECONDS / len(VICTIMS) - 2))
                    strike(stack, victim)
                for done in running:
                    done.result()
            _healed(people[0])
            _settled(planned)
            for person, cursor in zip(people, cursors, strict=True):
                _look_at(person, [upload for upload in planned if upload.person is person], cursor)
            look_into_stores(stack, within_seconds=CALM_SECONDS)
        finally:
            all_leave()


def _healed(person: Person) -> None:
    """The last part that was killed is back: otherwise its absence would be taken for a loss."""
    time.sleep(1)  # long enough for the death to be noticed
    deadline = time.monotonic() + CALM_SECONDS
    while ask(person, "GET", "/readyz").status_code != 200:
        assert time.monotonic() < deadline, "it never became ready"
        time.sleep(0.1)


def _settled(planned: list[Planned]) -> None:
    """Every upload stands where its client's course leads, at the latest when the calm is over."""
    deadline = time.monotonic() + CALM_SECONDS
    for upload in planned:
        if upload.refused:
            assert upload.conflict != "rename", upload
            continue
        ends = {"committed", "conflict"} if upload.sent else {"created"} if upload.course == "unsent" else {"aborted"}
        ends |= {"aborted"} if upload.course == "abort late" else set()
        found = _eventually(upload.person, f"/v1/uploads/{upload.id}", lambda seen: seen["state"] in ends, deadline)  # noqa: B023
        if found["state"] == "committed" and upload.is_picture:
            path = f"/v1/items/{found['item_id']}/preview?version_id={found['version_id']}"
            _eventually(upload.person, path, lambda seen: seen is None, deadline)


def _eventually(person: Person, path: str, done: Callable[[Any], bool], deadline: float) -> Any:
    """The JSON there once it is `done`; a redirect counts as None."""
    while True:
        answer = ask(person, "GET", path, follow_redirects=False)
        seen = None if answer.status_code == 302 else answer.json()
        if done(seen):
            return seen
        assert time.monotonic() < deadline, f"{path} is still {seen}"
        time.sleep(0.1)


def _look_at(person: Person, planned: list[Planned], cursor: str) -> None:
    """What one person sees: names, bytes, usage and change feed agree with what the uploads say."""
    seen = {upload.id: person.get(f"/v1/uploads/{upload.id}") for upload in planned if upload.id}
    committed = {key: state for key, state in seen.items() if state["state"] == "committed"}
    children = person.children()
    assert max(Counter(item["name"].casefold() for item in children).values(), default=1) == 1
    assert {item["id"] for item in children} == {state["item_id"] for state in committed.values()}
    for upload in planned:
        if state := committed.get(upload.id or ""):
            path = f"/v1/items/{state['item_id']}/content?version_id={state['version_id']}"
            stored = httpx.get(ask(person, "GET", path, follow_redirects=False).headers["location"], timeout=30)
            assert stored.content == upload.content, upload
    usage = person.get("/v1/usage")
    assert usage["used"] == sum(state["size"] for state in committed.values())
    waiting = [state for state in seen.values() if state["state"] in {"created", "conflict"}]
    assert usage["reserved"] == sum(state["size"] for state in waiting)
    assert _fed(person, cursor) == {item["id"]: item["etag"] for item in children}


def _fed(person: Person, cursor: str) -> dict[str, str]:
    """What a client knows that only ever read the change feed."""
    known: dict[str, str] = {}
    while True:
        page = person.get("/v1/changes", cursor=cursor)
        known |= {change["item_id"]: change["item"]["etag"] for change in page["changes"]}
        cursor = page["cursor"]
        if not page["has_more"]:
            return known
