"""Streams go on where they were: nothing lost, nothing told twice, whoever writes, joins or answers meanwhile."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import httpx
import pytest

from coffer_chassis.testing import eventually
from coffer_notifier.domain.places import Place, StreamId
from coffer_notifier.stream import hub as hub_module
from coffer_notifier.stream import telling
from factories.notifier import Notifier, bearer, notifier_on
from factories.streams import INSERT, Rounds, api_process, listening, numbers, tell
from factories.telling import Share, drive, user_id

pytestmark = pytest.mark.slow  # many real connections, some of which wait for late commits


async def test_a_stream_goes_on_where_it_was_without_a_gap_or_a_double(notifier: Notifier) -> None:
    ann = user_id()
    heard: list[int] = []
    last: str | None = None
    async with api_process(notifier) as address:
        for round_number in range(4):
            async with listening(address, ann, last_id=last) as listener:
                await tell(notifier, ann, round_number * 10)
                await listener.hears(1 if last is None else 3, "upload")
                heard += numbers(listener)
                last = listener.last_id
            await tell(notifier, ann, round_number * 10 + 1)
            await tell(notifier, ann, round_number * 10 + 2)
    assert heard == [0, 1, 2, 10, 11, 12, 20, 21, 22, 30]


async def test_whoever_lost_sight_meanwhile_is_not_told_what_the_file_is_called_now(notifier: Notifier) -> None:
    ann, bob, cid = user_id(), user_id(), user_id()
    root = drive(ann)
    folder = root.below("Plans", "folder")
    file, later = folder.below("b.txt"), folder.below("later.txt")
    share = Share(folder, bob, "editor")
    await notifier.handle(root.created(), folder.created(), share.granted(), Share(folder, cid, "editor").granted())
    async with api_process(notifier) as address:
        lasts = {}
        for person in (ann, bob, cid):
            async with listening(address, person) as listener:
                lasts[person] = listener.last_id
        await notifier.handle(file.committed(actor=bob), file.preview_ready(actor=bob), share.removed())
        await notifier.handle(later.committed(actor=cid), later.preview_failed(actor=cid))
        states = {ann: ["preview_ready", "preview_failed"], bob: ["committed"], cid: ["committed", "preview_failed"]}
        for person, expected in states.items():
            async with listening(address, person, last_id=lasts[person]) as listener:
                uploads = await listener.hears(len(expected), "upload")
                await tell(notifier, person, 1)
                await listener.hears(len(expected) + 1, "upload")
                assert [one.data["state"] for one in uploads] == expected


async def test_a_transaction_that_commits_late_is_neither_skipped_nor_told_twice(notifier: Notifier) -> None:
    ann = user_id()
    at = notifier.clock.now()
    rounds = Rounds(notifier.hub)
    async with api_process(notifier) as address, notifier.engine.connect() as late, notifier.engine.connect() as later:
        await late.begin()
        await late.execute(INSERT, {"user": ann, "number": 1, "at": at})
        async with listening(address, ann) as listener:
            await tell(notifier, ann, 2)
            await rounds.some_more()
            assert numbers(listener) == [], "the second is there, but what comes before it is not decided"
            await later.begin()
            await later.execute(INSERT, {"user": ann, "number": 3, "at": at})
            await late.commit()
            await listener.hears(2, "upload")
            last = listener.last_id
        await tell(notifier, ann, 4)
        await rounds.some_more()
        async with listening(address, ann, last_id=last) as again:
            await later.commit()
            await again.hears(2, "upload")
            assert numbers(listener) + numbers(again) == [1, 2, 3, 4]


async def test_a_process_that_is_behind_does_not_tell_again_what_another_one_told(store_url_of_notifier: str) -> None:
    ann = user_id()
    async with notifier_on(store_url_of_notifier) as ahead, notifier_on(store_url_of_notifier) as behind:
        rounds = Rounds(behind.hub)
        async with api_process(ahead) as first, api_process(behind) as second, listening(second, user_id()):
            await rounds.some_more()
            await rounds.hold()
            async with listening(first, ann) as listener:
                await tell(ahead, ann, 1)
                await listener.hears(1, "upload")
                last = listener.last_id
            async with listening(second, ann, last_id=last) as again:
                await tell(ahead, ann, 2)
                rounds.gate.set()
                await again.hears(1, "upload")
                await rounds.some_more()
                assert numbers(again) == [2]


async def test_who_joins_while_a_round_is_under_way_misses_nothing_of_it(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = user_id(), user_id()
    begun, gate = asyncio.Event(), asyncio.Event()

    async def held(connection: Any, rows: Any, now: Any) -> Any:
        begun.set()
        await gate.wait()
        return await telling.blocks_of(connection, rows, now)

    async with api_process(notifier) as address, listening(address, ann) as first:
        monkeypatch.setattr(hub_module, "blocks_of", held)
        async with notifier.engine.begin() as connection:
            both = [{"user": user, "number": number, "at": notifier.clock.now()} for number, user in enumerate((ann, bob))]
            await connection.execute(INSERT, both)
        notifier.hub.poke()
        await begun.wait()
        async with listening(address, bob) as second:
            gate.set()
            await second.hears(1, "upload")
            await first.hears(1, "upload")
            assert (numbers(first), numbers(second)) == ([0], [1])


@pytest.mark.slow
async def test_readers_that_come_and_go_while_others_write_hear_everything_once(notifier: Notifier) -> None:
    ann = user_id()
    heard: list[int] = []

    async def write() -> None:
        for number in range(0, 60, 2):
            async with notifier.engine.connect() as slow:
                await slow.begin()
                await slow.execute(INSERT, {"user": ann, "number": number, "at": notifier.clock.now()})
                await tell(notifier, ann, number + 1)
                await slow.commit()
            notifier.hub.poke()

    async with api_process(notifier) as address:
        async with listening(address, ann) as listener:
            last = listener.last_id
        writing = asyncio.create_task(write())
        while not writing.done() or len(heard) < 60:
            async with listening(address, ann, last_id=last) as listener:
                with contextlib.suppress(AssertionError):
                    await listener.hears(5, "upload", within_seconds=2)
                heard += numbers(listener)
                last = listener.last_id
        await writing
    assert sorted(heard) == list(range(60))
    assert len(heard) == 60


async def test_two_processes_tell_the_same_and_one_goes_on_where_the_other_was(store_url_of_notifier: str) -> None:
    ann = user_id()
    async with (
        notifier_on(store_url_of_notifier) as one,
        notifier_on(store_url_of_notifier) as two,
        api_process(one) as first,
        api_process(two) as second,
        listening(first, ann, topics="changes") as here,
    ):
        async with listening(second, ann, topics="changes") as there:
            root = drive(ann)
            await one.handle(root.below().committed())
            (told,) = await here.hears(1, "change")
            assert (await there.hears(1, "change"))[0].id == told.id
        await one.handle(root.below().committed())
        await here.hears(2, "change")
        async with listening(second, ann, last_id=here.last_id, topics="changes,uploads") as moved:
            await two.handle(root.below().committed())
            await moved.hears(1, "upload")
            assert len(moved.events("change")) == 1
        async with listening(second, ann, last_id=there.last_id, topics="changes") as again:
            await again.hears(1, "change")
            assert len(again.events("change")) == 1, "hints that were missed are one"


@pytest.mark.parametrize("last_id", ["nonsense", "1.2", "-1.0.5", "9" * 30, "1.1.99999999999999999", "\u0661.0.0"])
async def test_an_id_that_was_never_given_begins_anew(notifier: Notifier, last_id: str) -> None:
    ann = user_id()
    async with api_process(notifier) as address, httpx.AsyncClient(base_url=address, timeout=30) as http:
        query = {"last_event_id": last_id}
        async with http.stream("GET", "/v1/stream", headers=bearer(ann), params=query) as response:
            lines = response.aiter_lines()
            seen = [await anext(lines) for _ in range(5)]
    assert [line.partition(":")[0] for line in seen] == ["retry", "id", "event", "data", ""]
    assert seen[2:4] == ["event: reset", "data: {}"]


async def test_an_empty_id_is_none_and_the_stream_begins_with_the_present(notifier: Notifier) -> None:
    ann = user_id()
    async with api_process(notifier) as address, httpx.AsyncClient(base_url=address, timeout=30) as http:
        headers = bearer(ann) | {"Last-Event-ID": ""}
        async with http.stream("GET", "/v1/stream", headers=headers) as response:
            lines = response.aiter_lines()
            seen = [await anext(lines) for _ in range(3)]
    assert [line.partition(":")[0] for line in seen] == ["retry", "id", ""]


async def test_an_id_that_is_too_old_or_from_another_store_begins_anew(notifier: Notifier) -> None:
    ann = user_id()
    now = notifier.clock.now()
    async with api_process(notifier) as address:
        async with listening(address, ann) as listener:
            place = listener.last_id
        assert place is not None
        xid = int(place.partition(".")[0])
        too_old = StreamId(Place(xid, 0), now - timedelta(hours=24, seconds=1))
        other = StreamId(Place(xid + 10_000_000, 0), now)
        fine = StreamId(Place(xid, 0), now - timedelta(hours=23))
        for last_id, begins in ((too_old, ["reset"]), (other, ["reset"]), (fine, [])):
            async with listening(address, ann, last_id=str(last_id)) as listener:
                await tell(notifier, ann, 1)
                await listener.hears(1, "upload")
                assert [one.event for one in listener.told if one.event != "upload"] == begins


async def test_somebody_who_missed_very_much_begins_anew(notifier: Notifier) -> None:
    ann = user_id()
    async with api_process(notifier) as address:
        async with listening(address, ann) as listener:
            last = listener.last_id
        async with notifier.engine.begin() as connection:
            row = {"user": ann, "number": 1, "at": notifier.clock.now()}
            await connection.execute(INSERT, [row] * (hub_module.MOST_RESUMED + 1))
        await asyncio.sleep(0)

        async def handed_out() -> bool:
            async with listening(address, ann, last_id=last) as listener:
                await listener.hears(1)
                return listener.told[0].event == "reset"

        await eventually(handed_out, within_seconds=60, every_seconds=0.2)


async def test_a_notice_about_what_one_may_no_longer_see_is_not_told_late(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    share = Share(drive(ann).below("secret.txt"), bob)
    async with api_process(notifier) as address:
        async with listening(address, bob) as listener:
            last = listener.last_id
        await notifier.handle(share.granted(), share.created())
        await notifier.handle(share.removed(), share.revoked())
        async with listening(address, bob, last_id=last) as listener:
            (notice,) = await listener.hears(1, "notification")
            assert notice.data["type"] == "share_revoked"
