"""One service in several processes: each role does its part and no more, and two of a kind share work, doing nothing twice."""

import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle

import pytest

from coffer_chassis.topology import Lane
from coffer_files.app import FAST_QUEUE, TOPOLOGY
from coffer_files.handlers.texts import TEXT_QUEUE
from coffer_local.registry import SERVICES
from factories import images
from factories.people import Person
from factories.roles import Queues, Role, events, rows, start_roles, status
from factories.stacks import LocalStack, local_stack

pytestmark = pytest.mark.slow

PEOPLE = 4
UPLOADS = 24
PATIENCE_SECONDS = 60
HIDDEN_SECONDS = 10
"""Shorter than in life, so that the test need not wait for a minute until a killed process' messages come back."""

PUBLISHED, HANDLED = "coffer_relay_published_total", "coffer_consumer_handled_total"
SNAPSHOT = re.compile(r"^(\d+ [a-z ]+ restated|\S+ owns nothing that others keep copies of\.)$")


@dataclass
class Crew:
    """The processes of files, and people who know each of its API processes."""

    stack: LocalStack
    apis: list[Role] = field(default_factory=list)
    consumers: list[Role] = field(default_factory=list)
    relays: list[Role] = field(default_factory=list)
    people: list[list[Person]] = field(default_factory=list)
    """Everyone once per API process."""
    committed: int = 0
    """Uploads of all batches so far."""

    def grow(self, count: int) -> None:
        """Start what is missing until there are so many of every role."""
        kinds = {"api": self.apis, "consume": self.consumers, "relay": self.relays}
        missing = [name for name, there in kinds.items() for _ in range(count - len(there))]
        for name, role in zip(missing, start_roles(self.stack, *missing), strict=True):
            kinds[name].append(role)

    def invite(self) -> None:
        """New people, with nothing in their drives."""
        self.people = [[*self.newcomer()] for _ in range(PEOPLE)]

    def newcomer(self) -> Iterator[Person]:
        """Somebody who signed up with the stack and sends requests to files itself: once for every API process."""
        person = Person.at(self.stack.url)
        for api in self.apis:
            yield person.through(api.public)

    def upload_many(self, *, then: Callable[[], None] = lambda: None) -> list[str]:
        """Everybody sends a photo again and again through either API; `then` is called in the middle. Ids of the uploads."""
        photos = [images.jpeg(160, 120, seed=number) for number in range(UPLOADS // PEOPLE)]
        half_way, count, lock = threading.Event(), Counter[str](), threading.Lock()

        def send(number: int, apis: list[Person]) -> str:
            photo = photos[number // PEOPLE]
            begins, ends = apis[number % 2], apis[(number + 1) % 2]
            started = begins.announce(f"{number}.jpg", len(photo), mime_type="image/jpeg")
            assert begins.send(started, photo).status_code == 200
            assert ends.complete(started["id"]).status_code in {200, 202}
            with lock:
                count["sent"] += 1
                if count["sent"] == UPLOADS // 2:
                    half_way.set()
            return str(started["id"])

        with ThreadPoolExecutor(8) as pool:
            started = [pool.submit(send, number, apis) for number, apis in zip(range(UPLOADS), cycle(self.people))]
            assert half_way.wait(PATIENCE_SECONDS)
            then()
            return [upload.result() for upload in started]

    def all_done(self, uploads: list[str]) -> None:
        """Every upload of a batch is a file with a preview."""
        for upload, (person, _) in zip(uploads, cycle(self.people)):
            end = person.finished(upload, within_seconds=PATIENCE_SECONDS)
            assert end["state"] == "committed", end
            assert person.previewed(end["item_id"], within_seconds=PATIENCE_SECONDS)["preview"]["status"] == "ready"
        self.committed += len(uploads)

    def nothing_is_lost_or_doubled(self) -> None:
        """Everything that was ever said has left once, was heard once, and had one effect."""
        names = sorted(f"{number}.jpg" for number in range(UPLOADS))
        assert sorted(item["name"] for person, _ in self.people for item in person.children()) == names
        eventually(lambda: unsent(self.stack) == 0)
        for service in ("FILES", "MEDIA_WORKER"):
            assert rows(self.stack, service, "SELECT DISTINCT attempts FROM outbox WHERE sent_at IS NOT NULL") == [(1,)]
        subjects = "SELECT max(n), count(*) FROM (SELECT count(*) AS n FROM outbox WHERE type = '{}' GROUP BY subject) AS s"
        for service, wire_type in (
            ("FILES", "files.item.committed.v1"),
            ("MEDIA_WORKER", "media.preview.ready.v1"),
            ("MEDIA_WORKER", "media.upload.cleared.v1"),
        ):
            assert rows(self.stack, service, subjects.format(wire_type)) == [(1, self.committed)], wire_type
        eventually(self._everything_was_heard)
        queues = Queues(self.stack)
        eventually(lambda: not any(queues.depth(lane.queue) for lane in TOPOLOGY.lanes))
        assert not any(queues.depth(lane.dead_queue) for lane in TOPOLOGY.lanes)
        for service in ("FILES", "MEDIA_WORKER"):
            assert rows(self.stack, service, "SELECT id FROM dead_letters") == []

    def _everything_was_heard(self) -> bool:
        heard = dict(rows(self.stack, "FILES", "SELECT consumer, count(*) FROM inbox GROUP BY consumer"))
        return all(heard.get(lane.queue, 0) == self._told(lane) for lane in TOPOLOGY.lanes)

    def _told(self, lane: Lane) -> int:
        if lane.storage_prefixes:
            return int(rows(self.stack, "FILES", "SELECT count(*) FROM uploads")[0][0])
        if lane.urgent:
            return 0  # nobody takes anything from anybody here
        if lane.queue == TEXT_QUEUE:
            return 0  # pictures have no text, and a preview without one leaves nothing to do
        names = {topic: topic.removesuffix("-events").replace("-", "_").upper() for topic in lane.reads}
        return sum(sum(events(self.stack, names[topic], types).values()) for topic, types in lane.reads.items())


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with local_stack(without=("files",)) as running:
        Queues(running).hide_for(HIDDEN_SECONDS, *(lane.queue for lane in TOPOLOGY.lanes))
        yield running


@pytest.fixture(scope="module")
def crew(stack: LocalStack) -> Crew:
    return Crew(stack)


def eventually(done: Callable[[], object], within_seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + within_seconds
    while not (found := done()):
        assert time.monotonic() < deadline, f"still {found}"
        time.sleep(0.05)


def unsent(stack: LocalStack) -> int:
    return int(rows(stack, "FILES", "SELECT count(*) FROM outbox WHERE sent_at IS NULL")[0][0])


def emitted(stack: LocalStack) -> int:
    return int(rows(stack, "FILES", "SELECT count(*) FROM outbox")[0][0])


def test_each_role_does_its_part_and_no_more(crew: Crew) -> None:
    stack = crew.stack
    crew.apis += start_roles(stack, "api")
    api = crew.apis[0]
    assert status(f"{api.public}/v1/items/root") == 401
    (ana,) = crew.newcomer()
    ana.folder("Holiday")
    made = unsent(stack)
    assert made >= 2  # the root folder and hers

    crew.consumers += start_roles(stack, "consume")
    consume = crew.consumers[0]
    handled = f"SELECT count(*) FROM inbox WHERE consumer = '{FAST_QUEUE}'"
    eventually(lambda: rows(stack, "FILES", handled)[0][0])  # auth's fact about her had waited in the queue
    assert status(f"{consume.public}/") is None
    # An API process and a consumer have been there for longer than any poll, and nothing has left.
    assert unsent(stack) >= made
    assert rows(stack, "FILES", "SELECT 1 FROM outbox WHERE sent_at IS NOT NULL") == []

    crew.relays += start_roles(stack, "relay")
    relay = crew.relays[0]
    eventually(lambda: unsent(stack) == 0)
    assert status(f"{relay.public}/") is None
    eventually(lambda: relay.counted(PUBLISHED) == emitted(stack))
    assert (api.counted(PUBLISHED), consume.counted(PUBLISHED)) == (0, 0)
    assert (api.counted(HANDLED), relay.counted(HANDLED)) == (0, 0)

    for role in (api, consume, relay):
        role.ready()
        assert [status(f"{role.internal}{path}") for path in ("/livez", "/metrics", "/v1/me")] == [200, 200, 404]
        assert status(f"{role.public}/metrics") in {401, 404, None}


def test_two_of_every_role_share_the_work_and_do_nothing_twice(crew: Crew) -> None:
    crew.grow(2)
    crew.invite()
    uploads = crew.upload_many()
    crew.all_done(uploads)
    crew.nothing_is_lost_or_doubled()
    # Each relay counts what it has sent after marking it as sent.
    eventually(lambda: sum(relay.counted(PUBLISHED) for relay in crew.relays) == emitted(crew.stack))
    assert all(relay.counted(PUBLISHED) for relay in crew.relays)
    assert all(consumer.counted(HANDLED, outcome="done") for consumer in crew.consumers)


def test_a_consumer_and_a_relay_killed_in_the_middle_cost_nothing(crew: Crew) -> None:
    crew.grow(2)
    crew.invite()

    def kill() -> None:
        for role in (crew.consumers.pop(), crew.relays.pop()):
            role.process.kill()
            assert role.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL

    uploads = crew.upload_many(then=kill)
    crew.all_done(uploads)
    crew.nothing_is_lost_or_doubled()


def test_snapshot_is_a_command_of_every_service(stack: LocalStack) -> None:
    said_before = stack.log.stat().st_size
    packages = [entry.package for entry in SERVICES]
    runs = [stack.start_service(package, "snapshot") for package in packages]
    assert [run.wait(PATIENCE_SECONDS) for run in runs] == [0] * len(packages)
    said = [line for line in stack.said(since=said_before).splitlines() if SNAPSHOT.search(line)]
    assert len(said) >= len(packages), said


@pytest.mark.parametrize("role", ["api", "consume", "relay"])
def test_every_service_runs_alone_in_every_role_and_ends_when_it_is_told_to(stack: LocalStack, role: str) -> None:
    entries = [entry for entry in SERVICES if entry.package != "coffer_files"]
    alone = [Role.start(stack, role, entry.package) for entry in entries]
    for process, entry in zip(alone, entries, strict=True):
        process.ready()
        # What nobody owns is still answered by whoever answers requests, and by nobody else.
        answers = role == "api" and bool(entry.routes)
        assert status(f"{process.public}/nothing") == (404 if answers else None), entry.name
    for process in alone:
        process.process.send_signal(signal.SIGTERM)
    assert [process.process.wait(PATIENCE_SECONDS) for process in alone] == [0] * len(alone)


def test_every_role_ends_when_it_is_told_to(crew: Crew) -> None:
    crew.grow(1)
    told = [*crew.apis, *crew.consumers, *crew.relays]
    for role in told:
        role.process.send_signal(signal.SIGTERM)
    assert [role.process.wait(PATIENCE_SECONDS) for role in told] == [0] * len(told)
    for there in (crew.apis, crew.consumers, crew.relays):
        there.clear()
