"""What an operator does about messages that failed: sees them, sends them again, gives them up, and everybody can look it up.

One stack, two poison messages in a queue of files, and events that are published again for one reader.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from factories import images
from factories.people import Person
from factories.roles import Queues, nothing_is_under_way, rows
from factories.stacks import LocalStack, local_stack

pytestmark = pytest.mark.slow

LETTERS = "/v1/admin/files/dead-letters"
QUEUE = "files-fast"


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """One of its own: here every dead letter is counted."""
    with local_stack() as running:
        yield running


@pytest.fixture
def boss(stack: LocalStack) -> Person:
    person = Person.at(stack.url)
    stack.run("coffer_auth", "grant-operator", person.name)
    person.sign_in()
    return person


def poison(stack: LocalStack, *bodies: str) -> None:
    queues = Queues(stack)
    for body in bodies:
        queues.send(QUEUE, body)


def letters(stack: LocalStack, boss: Person, count: int) -> list[dict[str, Any]]:
    """The letters that wait, as soon as so many messages died; the command collects them at once."""

    def died(page: dict[str, Any]) -> bool:
        return bool(sum(queue["dead_depth"] + queue["dead_letters"] for queue in page["items"]) >= count)

    boss.wait_for(lambda: boss.get("/v1/admin/files/queues"), died, within_seconds=60)
    stack.run("coffer_files", "dead-letters", "list")
    items: list[dict[str, Any]] = boss.get(LETTERS)["items"]
    assert len(items) == count
    return items


def do(boss: Person, path: str, status: int, **body: Any) -> Any:
    answer = boss.http.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_an_operator_finds_redrives_and_drops_what_failed_and_republishes_and_all_of_it_is_on_record(
    stack: LocalStack, ana: Person, boss: Person
) -> None:
    ana.upload("a.jpg", images.jpeg(160, 120), mime_type="image/jpeg")
    for service in ("auth", "files", "media-worker", "sharing", "notifier"):
        assert {queue["problem"] for queue in boss.get(f"/v1/admin/{service}/queues")["items"]} <= {None}
        assert boss.get(f"/v1/admin/{service}/outbox")["refused"] == []
        assert ana.http.get(f"/v1/admin/{service}/queues").status_code == 403

    poison(stack, "not json at all", json.dumps({"type": "media.upload.cleared.v1", "password": "hunter2"}))
    found = letters(stack, boss, 2)
    assert {letter["error_class"] for letter in found} == {"Unreadable"}
    assert all(letter["event"] is None and letter["unreadable"] for letter in found)
    assert "hunter2" not in json.dumps(found)
    assert {group["count"] for group in boss.get(f"{LETTERS}/groups")["items"]} == {1}

    one, other = (letter["id"] for letter in found)
    assert do(boss, f"{LETTERS}/{one}/redrive", 200)["state"] == "redriven"
    do(boss, f"{LETTERS}/{one}/redrive", 409)
    do(boss, f"{LETTERS}/{other}/drop", 422, confirm="yes")
    assert do(boss, f"{LETTERS}/{other}/drop", 200, confirm="drop 1")["state"] == "dropped"
    letters(stack, boss, 1)  # what was redriven is still poison, and died again
    done = stack.run("coffer_files", "dead-letters", "drop", "all", "--yes")
    assert done == "1 done.\n"

    boss.wait_for(lambda: {"quiet": nothing_is_under_way(stack)}, lambda now: now["quiet"], within_seconds=60)
    before = rows(stack, "SHARING", "SELECT count(*) FROM inbox")
    slow = do(boss, "/v1/admin/files/republish", 202, rate_per_second=0.1)["replay"]
    began = time.monotonic()
    cancelled = do(boss, f"/v1/admin/files/republish/{slow['id']}/cancel", 200)
    assert time.monotonic() - began < 10, "it waited until the next event was due"
    assert (cancelled["state"], cancelled["sent"] <= 1) == ("cancelled", True)
    again = do(boss, "/v1/admin/files/republish", 202, consumer="sharing-tree", types=["files.item.committed.v1"])["replay"]
    path = f"/v1/admin/files/republish/{again['id']}"
    boss.wait_for(lambda: boss.get(path), lambda replay: replay["state"] == "done", within_seconds=60)
    assert boss.get(path)["sent"] == again["total"] > 0
    assert rows(stack, "SHARING", "SELECT count(*) FROM inbox") == before, "readers drop what they have seen"

    actions = [
        "events.republished",
        "replay.cancelled",
        "events.republished",
        "dead_letters.dropped",
        "dead_letters.dropped",
        "dead_letters.redriven",
    ]
    audit = boss.wait_for(
        lambda: boss.get("/v1/audit", service="files"), lambda page: len(page["items"]) >= len(actions), within_seconds=60
    )["items"]
    assert [entry["action"] for entry in audit] == actions
    assert {entry["actor"]["id"].partition("/")[0] for entry in audit} == {boss.id, "shell"}
    assert ana.http.get("/v1/audit").status_code == 403
