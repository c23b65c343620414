"""The service put together: its queues and its way through an unkind bus."""

import argparse
import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.bus import Outgoing
from coffer_chassis.bus_memory import MemoryBus
from coffer_chassis.ids import new_id
from coffer_chassis.provision import MULTIPART_DAYS
from coffer_chassis.service import Service
from coffer_chassis.testing import eventually
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_contracts.catalog import parse
from coffer_files.__main__ import EXTRAS
from coffer_files.app import FAST_QUEUE, GRANTS_QUEUE, STORAGE_QUEUE, TABLES, TOPOLOGY, URGENT_QUEUE, jobs
from coffer_files.domain.reconciling import Wish
from coffer_files.domain.upload_states import SESSION_LIFE
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.burying import bury
from coffer_files.handlers.granting import GRANTS
from coffer_files.handlers.reactions import FAST, STORAGE
from coffer_files.handlers.reconciling import request_run
from factories.databases import Database
from factories.files import Files, cleared, files_on, rejected
from factories.operators import operations_of

RECEIVED = "files.upload.received.v1"
MEDIA = ServiceTopology("media-worker", (Lane("media-worker-fast", {"files-events": (RECEIVED,)}),))
ALL = Topology("coffer", (TOPOLOGY, ServiceTopology("auth"), ServiceTopology("sharing"), MEDIA))


def test_every_queue_hears_exactly_what_it_has_handlers_for() -> None:
    heard = {lane.queue: {kind for types in lane.reads.values() for kind in types} for lane in ALL.lanes}
    assert heard[FAST_QUEUE] == set(FAST)
    assert heard[GRANTS_QUEUE] == heard[URGENT_QUEUE] == set(GRANTS)
    assert [lane.queue for lane in ALL.lanes if lane.urgent] == [URGENT_QUEUE]
    assert heard[STORAGE_QUEUE] == set()
    assert set(STORAGE) == {"storage.object.stored.v1"}


def test_previews_are_read_and_cleared_up_but_never_written() -> None:
    access = {blob.prefix: blob for blob in TOPOLOGY.blobs}
    assert access["previews/"] == replace(access["previews/"], read=True, write=False, delete=True, tidy=False)


@pytest.mark.slow
async def test_every_upload_comes_to_its_end_on_a_bus_that_repeats_and_reorders(store: str) -> None:
    async with files_on(store, dispatch_per_owner=3) as files:
        bus = MemoryBus(ALL, seed=7, duplicates=0.5)
        service = Service(
            topology=TOPOLOGY,
            work=files.deps.work,
            bus=bus,
            deps=files.deps,
            app=None,
            tables=TABLES,
            jobs=jobs(files.deps),
            wait_seconds=1,
        )
        stopping = asyncio.Event()
        running = asyncio.create_task(service.run_background(stopping))
        judging = asyncio.create_task(judge(files, bus, stopping))
        try:
            begun = [await files.start(f"{number}.jpg", conflict="rename") for number in range(25)]
            for upload in begun:
                for _ in range(2):
                    await bus.send(STORAGE_QUEUE, notification(upload), {})

            async def all_ended() -> bool:
                return all([(await files.now(upload)).rule.is_end for upload in begun])

            await eventually(all_ended, within_seconds=60)
        finally:
            stopping.set()
            await asyncio.gather(running, judging)
        states = [(await files.now(upload)).state for upload in begun]
        assert states == ["rejected" if number % 5 == 0 else "committed" for number in range(25)]
        drive = await files.drive()
        assert (drive.used_bytes, drive.reserved_bytes) == (2000, 0)
        assert (await files.rows(text("SELECT count(*) FROM dead_letters")))[0][0] == 0
        committed = [fact for fact in await files.facts("files.item.committed.v1") if fact.data.owner_id == files.owner.user_id]
        assert len(committed) == 20


async def judge(files: Files, bus: MemoryBus, stopping: asyncio.Event) -> None:
    """A media worker that refuses every fifth file, by its name."""
    while not stopping.is_set():
        for message in await bus.receive("media-worker-fast", limit=10, wait_seconds=0.1):
            fact: Any = parse(message.body).data
            upload = await files.now(fact.upload_id)
            verdict = rejected if int(upload.name.partition(".")[0]) % 5 == 0 else cleared
            told = verdict(upload, etag=fact.etag)
            await bus.publish("media-worker-events", [Outgoing(told.id, told.to_json(), {"type": told.type})])
            await bus.delete("media-worker-fast", [message.receipt])


def notification(upload: Upload) -> str:
    stored = {"key": upload.blob_key, "size": upload.size_bytes, "eTag": '"e1"', "sequencer": upload.id}
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "coffer"}, "object": stored}}
    return json.dumps({"Records": [record]})


def service_of(files: Files) -> Service:
    """The service as commands get it, with a bus in memory."""
    bus = MemoryBus(ALL)
    return Service(
        topology=TOPOLOGY,
        work=files.deps.work,
        bus=bus,
        deps=files.deps,
        app=None,
        tables=TABLES,
        operations=operations_of(TOPOLOGY, files.deps.work),
    )


def given(*words: str) -> argparse.Namespace:
    """A command line of `python -m coffer_files reconcile`."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    EXTRAS["reconcile"].arguments(parser)
    return parser.parse_args(words)


async def test_the_command_compares_the_bucket_and_fails_when_something_is_missing(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with files_on(database("coffer_files")) as files:
        service, reconcile = service_of(files), EXTRAS["reconcile"].run
        assert await reconcile(service, given()) == 0
        assert "Orphans: 0 (0 bytes)" in capsys.readouterr().out
        done = await files.upload()
        stray = f"blobs/{files.owner.user_id}/{new_id()}"
        await files.blobs.write(stray, b"1234567", content_type="a/b")
        assert await reconcile(service, given("--grace-hours", "0")) == 1
        said = capsys.readouterr().out
        assert f"missing: {done.blob_key} 100 bytes item {done.item_id} owner {done.owner_id}" in said
        assert f"orphans: {stray} 7 bytes" in said
        assert "--repair deletes them" in said
        assert await reconcile(service, given("--grace-hours", "0", "--repair", "--prefix", "blobs/")) == 1
        assert "of which 1 are deleted now." in capsys.readouterr().out
        assert await bury(files.deps) == 1
        assert stray not in files.blobs.objects
        [act] = await files.facts("files.operator.acted.v1")
        assert (act.actorid[:6], act.actorkind) == ("shell/", "operator")


async def test_the_command_says_why_it_could_not_compare(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    async with files_on(database("coffer_files")) as files:
        service, reconcile = service_of(files), EXTRAS["reconcile"].run

        async def away(*_: Any, **__: Any) -> Any:
            raise ConnectionError("the bucket does not answer")

        listed, files.blobs.listed = files.blobs.listed, away
        assert await reconcile(service, given()) == 2
        assert "does not answer" in capsys.readouterr().err
        files.blobs.listed = listed
        await request_run(files.deps, None, files.origin, Wish())
        assert await reconcile(service, given()) == 2
        assert "is being compared" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--grace-hours", "-1"], ["--grace-hours", "nan"], ["--prefix", "photos/"], ["--delete"]])
def test_the_command_refuses_what_it_does_not_know(words: list[str]) -> None:
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        given(*words)


def test_the_bucket_throws_no_parts_away_that_an_upload_may_still_need() -> None:
    assert timedelta(days=MULTIPART_DAYS) > SESSION_LIFE
