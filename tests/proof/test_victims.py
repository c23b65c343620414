"""Two hundred uploads into a shared folder, and one part of Coffer killed in the middle: all arrive, and are told once.

That every notice also went into the live stream once is among the rules of stores: more is told here than a stream resumes.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from factories import images
from factories.chaos_follower import Follower, fresh_look
from factories.chaos_people import Patient
from factories.chaos_stores import look_into_stores
from factories.chaos_victims import VICTIMS, Struck, struck_stack
from factories.roles import rows

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]

GATHERED = "files_uploaded"
"""What says how many files somebody uploaded."""
UPLOADS = 200
REFUSED_EVERY = 10
"""So often a program goes up that is called a picture: uploader and owner are told."""
CLIENTS = 6
CALM_SECONDS = 150


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return [images.jpeg(120 + 8 * number, 90, seed=number) for number in range(10)]


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_part_that_is_killed_costs_no_upload_and_tells_nobody_twice(victim: str, pictures: list[bytes]) -> None:
    with struck_stack(victim) as struck, _people(struck) as (ana, ben):
        folder = ana.folder("Shared")["id"]
        ana.share(folder, ben, "editor")
        ben.sees(folder, within_seconds=CALM_SECONDS)
        refused = _send_all(struck, ben, folder, pictures)
        children = _all_there(ana, folder)
        assert sorted(item["name"] for item in children) == sorted(f"{number}.jpg" for number in range(UPLOADS))
        for person, count in ((ana, len(refused)), (ben, len(refused) + 1)):
            notices = _told(person, count)
            twice = Counter(notice["data"].get("upload_id", notice["data"].get("share_id")) for notice in notices)
            assert set(twice.values()) == {1}, f"{person.name} was told twice: {twice}"
            assert {notice["data"]["upload_id"] for notice in notices if notice["type"] == "upload_rejected"} == refused
            assert Follower(person).catch_up(limit=1000) == fresh_look(person)
        look_into_stores(struck.stack, within_seconds=CALM_SECONDS)
        written = "SELECT action, count(*) FROM activity WHERE item_kind = 'file' GROUP BY action"
        deadline = time.monotonic() + CALM_SECONDS
        while rows(struck.stack, "NOTIFIER", written) != [("uploaded", UPLOADS)]:
            assert time.monotonic() < deadline, rows(struck.stack, "NOTIFIER", written)
            time.sleep(0.5)
        gathered = [one["data"]["count"] for one in ana.get("/v1/notifications", limit=200)["items"] if one["type"] == GATHERED]
        assert sum(gathered) == UPLOADS, f"ana was told of {gathered}"


@contextmanager
def _people(struck: Struck) -> Iterator[list[Patient]]:
    people = [Patient.arrives(struck.url, name, "example.org") for name in ("ana", "ben")]
    try:
        yield people
    finally:
        for person in people:
            person.leaves()


def _send_all(struck: Struck, ben: Patient, folder: str, pictures: list[bytes]) -> set[str]:
    """Every other client is silent after sending; the victim is killed in the middle. Ids of the uploads to be refused."""
    half_way = threading.Event()
    sent = iter(range(UPLOADS))

    def send(number: int) -> str | None:
        ben.puts(f"{number}.jpg", pictures[number % len(pictures)], parent=folder, says=number % 2 == 0, mime_type="image/jpeg")
        if next(sent) == UPLOADS // 2:
            half_way.set()
        if number % REFUSED_EVERY:
            return None
        return ben.puts(f"bad {number}.jpg", images.program(), parent=folder, mime_type="image/jpeg")

    with ThreadPoolExecutor(CLIENTS) as clients:
        running = [clients.submit(send, number) for number in range(UPLOADS)]
        assert half_way.wait(CALM_SECONDS)
        struck.strike()
        return {upload for one in running if (upload := one.result())}


def _all_there(person: Patient, folder: str) -> list[dict[str, Any]]:
    """Every file with its thumbnail."""
    deadline = time.monotonic() + CALM_SECONDS
    while True:
        children = person.children(folder, limit=1000)
        waiting = Counter(item["preview"]["status"] for item in children)
        if waiting == {"ready": UPLOADS}:
            return children
        assert time.monotonic() < deadline, f"{len(children)} are there, with previews: {waiting}"
        time.sleep(0.5)


def _told(person: Patient, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + CALM_SECONDS
    while True:
        feed: list[dict[str, Any]] = person.get("/v1/notifications", limit=200)["items"]
        notices = [one for one in feed if one["type"] != GATHERED]
        if len(notices) >= count:
            return notices
        assert time.monotonic() < deadline, f"{person.name} was told of {len(notices)} of {count}"
        time.sleep(0.5)
