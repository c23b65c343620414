"""Notices that speak of several facts: "Ana uploaded 40 files to Trips". Each fact counts once, whatever happens on the way."""

import asyncio
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from coffer_contracts.event import Envelope
from coffer_contracts.ids import UserId
from coffer_notifier.domain.gathering import Span
from coffer_notifier.domain.places import Place
from coffer_notifier.handlers import feed
from coffer_notifier.store import gathering, preferences, stream
from coffer_notifier.stream.telling import blocks_of
from factories.events import NOON
from factories.notifier import Notifier
from factories.telling import Item, Share, drive, registered, user_id


class Trip:
    """Ben's folder, into which Ana may put files, and at which Cid may look."""

    def __init__(self) -> None:
        self.ana, self.ben, self.cid = (user_id() for _ in range(3))
        self.root = drive(self.ben)
        self.folder = self.root.below("Trips", "folder")
        self.shares = [Share(self.folder, self.ana, "editor"), Share(self.folder, self.cid)]

    @classmethod
    async def at(cls, notifier: Notifier) -> "Trip":
        """One that the notifier knows."""
        trip = cls()
        named = registered(trip.ana, f"ana{trip.ana[-8:]}", display_name="Ana")
        made = [trip.root.created(), trip.folder.created(), *(share.granted() for share in trip.shares)]
        await notifier.handle(named, *made)
        return trip

    def uploads(self, count: int, *, minutes: int = 0, folder: Item | None = None, **more: Any) -> list[Envelope[Any]]:
        """Files that Ana sends, one a second."""
        begin = NOON + timedelta(minutes=minutes)
        return [
            (folder or self.folder)
            .below(f"{number}.jpg")
            .committed(actor=self.ana, at=begin + timedelta(seconds=number), **more)
            for number in range(count)
        ]


async def told(notifier: Notifier, person: UserId) -> list[tuple[str, int | None]]:
    """Title and count of each notice in somebody's feed."""
    return [(one["title"], one["data"].get("count")) for one in (await notifier.feed(person))["items"]]


async def is_sound(notifier: Notifier) -> bool:
    """Whether every notice speaks of as many facts as belong to it."""
    return not await notifier.rows(
        "SELECT 1 FROM notices WHERE gather_key IS NOT NULL AND facts_count <> "
        "(SELECT count(*) FROM gathered_facts WHERE notice_id = notices.id)"
    )


async def test_many_files_are_one_notice_for_each_who_may_see_the_folder_but_not_for_who_sent_them(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    await notifier.handle(*trip.uploads(40))
    for person in (trip.ben, trip.cid):
        page = await notifier.feed(person)
        assert page["unread_count"] == 1
        [notice] = page["items"]
        assert notice["title"] == "Ana uploaded 40 files to “Trips”"
        assert notice["data"] == {"count": 40, "since": "2026-11-20T12:00:00.000Z"}
        assert (notice["type"], notice["created_at"]) == ("files_uploaded", "2026-11-20T12:00:39.000Z")
        assert notice["item"] == {"id": trip.folder.id, "kind": "folder", "name": "Trips"}
    assert await told(notifier, trip.ana) == []


async def test_one_file_is_one_file_and_a_new_version_is_a_change(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    [one] = trip.uploads(1)
    again = one.model_copy(
        update={"id": user_id(), "sequence": "000000000002", "data": one.data.model_copy(update={"is_new": False})}
    )
    await notifier.handle(one, again)
    assert sorted(await told(notifier, trip.cid)) == [
        ("Ana changed a file in “Trips”", 1),
        ("Ana uploaded a file to “Trips”", 1),
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_in_any_order_any_batches_and_however_often_they_come_the_count_is_right(notifier: Notifier, seed: int) -> None:
    trip, chance = await Trip.at(notifier), random.Random(seed)
    facts = trip.uploads(12)
    sent = facts * 3
    chance.shuffle(sent)
    while sent:
        size = chance.randint(1, 7)
        batch, sent = sent[:size], sent[size:]
        if chance.random() < 0.5:
            await notifier.forget_inbox()
        unique = list({fact.id: fact for fact in batch}.values())
        await notifier.handle_together(*unique)
    [notice] = (await notifier.feed(trip.ben))["items"]
    assert (notice["data"], notice["created_at"]) == (
        {"count": 12, "since": "2026-11-20T12:00:00.000Z"},
        "2026-11-20T12:00:11.000Z",
    )
    assert await is_sound(notifier)


async def test_other_people_folders_and_spans_of_time_have_notices_of_their_own(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    inner = trip.folder.below("Alps", "folder")
    other = inner.below("z.jpg").committed(actor=trip.cid)
    await notifier.handle(inner.created(), *trip.uploads(2), *trip.uploads(3, minutes=30))
    await notifier.handle(*trip.uploads(4, folder=inner), other)
    assert sorted(await told(notifier, trip.ben)) == [
        ("Ana uploaded 2 files to “Trips”", 2),
        ("Ana uploaded 3 files to “Trips”", 3),
        ("Ana uploaded 4 files to “Alps”", 4),
        ("Someone uploaded a file to “Alps”", 1),
    ]


async def test_what_was_read_or_removed_stays_so_and_another_one_begins(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    facts = trip.uploads(9)
    await notifier.handle(*facts[:3])
    [first] = (await notifier.feed(trip.ben))["items"]
    async with notifier.client(trip.ben) as http:
        await http.post("/v1/notifications/read", json={"ids": [first["id"]]})
        await notifier.handle(*facts[3:5])
        page = await notifier.feed(trip.ben)
        assert [(one["data"]["count"], one["read_at"] is None) for one in page["items"]] == [(2, True), (3, False)]
        assert page["unread_count"] == 1
        await http.delete(f"/v1/notifications/{page['items'][0]['id']}")
    await notifier.handle(*facts[5:])
    await notifier.forget_inbox()
    await notifier.handle(*facts)
    page = await notifier.feed(trip.ben)
    assert [(one["data"]["count"], one["read_at"] is None) for one in page["items"]] == [(4, True), (3, False)]
    assert page["unread_count"] == 1


async def test_batches_at_the_same_time_lose_nothing_and_make_one_notice(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    facts = trip.uploads(30)
    await asyncio.gather(*(notifier.handle_together(*facts[number::6]) for number in range(6)))
    for person in (trip.ben, trip.cid):
        assert await told(notifier, person) == [("Ana uploaded 30 files to “Trips”", 30)]
    assert await is_sound(notifier)


async def test_reading_while_files_come_leaves_none_untold_and_none_told_twice(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    facts = trip.uploads(20)

    async def read() -> None:
        async with notifier.client(trip.ben) as http:
            for _ in range(6):
                assert (await http.post("/v1/notifications/read-all")).status_code == 204

    await asyncio.gather(read(), *(notifier.handle_together(*facts[number::5]) for number in range(5)))
    page = await notifier.feed(trip.ben)
    assert sum(one["data"]["count"] for one in page["items"]) == 20
    assert page["unread_count"] == sum(one["read_at"] is None for one in page["items"]) <= 1
    assert await is_sound(notifier)


async def test_batches_that_cross_each_other_do_not_wait_in_a_circle(notifier: Notifier) -> None:
    trips = [await Trip.at(notifier) for _ in range(6)]
    there = [trip.uploads(1)[0] for trip in trips * 4]
    back = [trip.uploads(1)[0] for trip in reversed(trips * 4)]
    halves = [there[:12], there[12:], back[:12], back[12:]]
    await asyncio.gather(*(notifier.handle_together(*half) for half in halves))
    for trip in trips:
        assert await told(notifier, trip.ben) == [("Ana uploaded 8 files to “Trips”", 8)]
    assert await is_sound(notifier)


async def test_a_live_stream_shows_the_same_notice_with_what_it_says_by_then(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    facts = trip.uploads(5)
    blocks: list[dict[str, Any]] = []
    for batch in (facts[:2], facts[2:]):
        await notifier.handle_together(*batch)
        async with notifier.deps.work.read() as reader:
            rows = (await stream.after(reader, Place(0, 0), 100, user_id=trip.cid)).rows
            shown = await blocks_of(reader, [row for row in rows if row.event == "notification"], notifier.clock.now())
        block = shown[-1][1].decode()
        blocks.append(json.loads(block[block.index("data: ") + 6 :]))
    assert [block["data"]["count"] for block in blocks] == [2, 5]
    assert blocks[0]["id"] == blocks[1]["id"]
    assert blocks[1] == (await notifier.feed(trip.cid))["items"][0]


async def test_more_people_can_be_told_than_a_statement_has_parameters(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    [fact] = trip.uploads(1)
    await notifier.handle(fact)
    crowd = [(user_id(), fact.id) for _ in range(40_000)]
    async with notifier.deps.work.read() as reader:
        assert await gathering.known_facts(reader, [*crowd, (trip.cid, fact.id)]) == {(trip.cid, fact.id)}
        assert len(await preferences.of_people(reader, [person for person, _ in crowd])) == len(crowd)


async def test_a_notice_that_is_being_added_to_is_marked_a_moment_later(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    await notifier.handle(*trip.uploads(2))
    [notice] = (await notifier.feed(trip.ben))["items"]
    async with notifier.client(trip.ben) as http:
        async with notifier.engine.begin() as connection:
            await connection.execute(text("SELECT 1 FROM notices WHERE id = :id FOR UPDATE"), {"id": notice["id"]})
            marking = asyncio.create_task(http.post("/v1/notifications/read", json={"up_to": notice["id"]}))
            done, _ = await asyncio.wait([marking], timeout=0.05)
            assert not done
        assert (await marking).status_code == 204
    assert (await notifier.feed(trip.ben))["unread_count"] == 0


async def test_marking_what_is_held_for_long_is_refused_for_now(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PAUSES_SECONDS", (0.0,))
    trip = await Trip.at(notifier)
    await notifier.handle(*trip.uploads(1))
    async with notifier.client(trip.ben) as http, notifier.engine.begin() as connection:
        await connection.execute(text("SELECT 1 FROM notices WHERE user_id = :ben FOR UPDATE"), {"ben": trip.ben})
        answer = await http.post("/v1/notifications/read-all")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "1")


async def test_up_to_a_notice_that_rose_meanwhile_marks_it_too(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    other = Share(trip.folder, trip.cid)
    facts = trip.uploads(5)
    await notifier.handle(facts[0], other.granted(), other.created(at=NOON + timedelta(seconds=1)), *facts[1:])
    rose, below = (await notifier.feed(trip.cid))["items"]
    assert (rose["type"], below["type"]) == ("files_uploaded", "share_received")
    async with notifier.client(trip.cid) as http:
        await http.post("/v1/notifications/read", json={"up_to": rose["id"]})
    assert (await notifier.feed(trip.cid))["unread_count"] == 0


async def test_streams_are_told_once_per_batch_and_nothing_of_what_comes_again(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    facts = trip.uploads(6)
    count = "SELECT data->>'notice_id' AS id FROM stream WHERE user_id = :cid AND event = 'notification'"
    await notifier.handle_together(*facts[:4])
    await notifier.handle_together(*facts[4:])
    rows = await notifier.rows(count, cid=trip.cid)
    assert (len(rows), len(set(rows))) == (2, 1)
    await notifier.forget_inbox()
    await notifier.handle(*facts)
    assert await notifier.rows(count, cid=trip.cid) == rows


async def test_whoever_may_no_longer_see_the_folder_is_shown_nothing_and_counts_nothing(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    await notifier.handle(*trip.uploads(3))
    await notifier.handle(trip.shares[1].removed())
    page = await notifier.feed(trip.cid)
    assert (page["items"], page["unread_count"]) == ([], 0)
    await notifier.handle(*trip.uploads(2, minutes=1))
    assert await notifier.rows("SELECT facts_count FROM notices WHERE user_id = :cid", cid=trip.cid) == [(3,)]


async def test_whoever_was_let_in_later_is_not_told_of_what_was_there_before(notifier: Notifier) -> None:
    trip, late = await Trip.at(notifier), user_id()
    await notifier.handle(Share(trip.folder, late).granted())
    await notifier.handle(*trip.uploads(2, minutes=-5), *trip.uploads(1, minutes=5))
    assert await told(notifier, late) == [("Ana uploaded a file to “Trips”", 1)]
    assert len(await told(notifier, trip.ben)) == 2


async def test_whoever_was_given_one_file_is_not_told_of_the_folder_it_lies_in(notifier: Notifier) -> None:
    trip, eve = await Trip.at(notifier), user_id()
    file = trip.folder.below("a.jpg")
    await notifier.handle(Share(file, eve).granted(), file.committed(actor=trip.ana))
    assert await told(notifier, eve) == []


async def test_files_that_nobody_sent_and_those_of_visitors_are_not_told_as_uploads(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    copied, visited = trip.folder.below("copy.jpg"), trip.folder.below("visit.jpg")
    fact = copied.committed(actor=trip.ana)
    by_copy = fact.model_copy(update={"data": fact.data.model_copy(update={"upload_id": None})})
    await notifier.handle(by_copy, visited.committed(actor="a-link", kind="link"))
    assert await told(notifier, trip.ben) == []


async def test_a_folder_that_is_gone_for_good_takes_the_notice_with_it(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    await notifier.handle(*trip.uploads(3), trip.folder.purged())
    assert await told(notifier, trip.ben) == []


async def test_a_burst_of_uploads_costs_the_statements_of_one(notifier: Notifier) -> None:
    trip = await Trip.at(notifier)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if "inbox" not in statement:
            statements.append(statement)

    async def cost(*facts: Envelope[Any]) -> int:
        statements.clear()
        await notifier.handle_together(*facts)
        return len(statements)

    event.listen(notifier.engine.sync_engine, "before_cursor_execute", note)
    one = await cost(*trip.uploads(1))
    many = await cost(*trip.uploads(50, minutes=30))
    event.remove(notifier.engine.sync_engine, "before_cursor_execute", note)
    assert many == one


@pytest.mark.parametrize(("minute", "start"), [(0, 0), (29, 0), (30, 30), (59, 30)])
def test_spans_follow_the_clock(minute: int, start: int) -> None:
    span = Span.of(NOON.replace(minute=minute, second=59), timedelta(minutes=30))
    assert (span.start, span.end) == (NOON.replace(minute=start), NOON.replace(minute=start) + timedelta(minutes=30))
