"""The bucket and the store are held against each other: nothing is lost unseen, and nothing that is used is ever deleted."""

from typing import Any

import pytest
from sqlalchemy import select, update

from coffer_chassis.ids import new_id
from coffer_files.domain.reconciling import SAMPLES, Wish
from coffer_files.handlers import comparing
from coffer_files.handlers.burying import bury
from coffer_files.handlers.multiparts import abort_multiparts
from coffer_files.handlers.uploads import abort_upload
from coffer_files.store import references
from coffer_files.store.tables import blobs, doomed_blobs, uploads
from factories.bytes import put
from factories.comparing import REPAIR, committed, compare, emptied, stray
from factories.files import Files, cleared, files_on, rejected, stored


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store, reconcile_every_hours=0) as service:
        await emptied(service.engine)
        yield service


async def test_a_sound_bucket_gives_an_empty_report(files: Files) -> None:
    done = [await committed(files, f"{number}.jpg") for number in range(3)]
    run = await compare(files)
    assert (run.state, run.counts.objects, run.counts.rows, run.counts.sound) == ("finished", 3, 3, 3)
    assert run.counts.object_bytes == sum(upload.size_bytes for upload in done)
    assert (run.counts.orphans, run.counts.missing, run.counts.mismatched, run.samples["orphans"]) == (0, 0, 0, [])


async def test_an_empty_bucket_and_an_empty_store_agree(files: Files) -> None:
    run = await compare(files)
    assert (run.state, run.counts.objects, run.counts.rows) == ("finished", 0, 0)


async def test_a_dry_run_finds_everything_and_touches_nothing(files: Files) -> None:
    lost, wrong, sound = [await committed(files, f"{number}.jpg") for number in range(3)]
    await files.blobs.delete([lost.blob_key])
    await files.blobs.write(wrong.blob_key, b"other", content_type="image/jpeg")
    orphan = await stray(files)
    before = dict(files.blobs.objects)
    run = await compare(files)
    counts = run.counts
    assert (counts.orphans, counts.orphan_bytes, counts.missing, counts.missing_bytes) == (1, 7, 1, 100)
    assert (counts.mismatched, counts.sound, counts.repaired) == (1, 1, 0)
    assert [sample["key"] for sample in run.samples["orphans"]] == [orphan]
    [missing], [mismatched] = run.samples["missing"], run.samples["mismatched"]
    assert (missing["key"], missing["item_ids"], missing["owner_id"]) == (lost.blob_key, [lost.item_id], lost.owner_id)
    assert (mismatched["item_ids"], mismatched["found_size_bytes"]) == ([wrong.item_id], 5)
    await bury(files.deps)
    assert files.blobs.objects == before
    assert await files.rows(select(doomed_blobs)) == []
    assert sound.blob_key in before


async def test_a_repair_deletes_orphans_and_nothing_else(files: Files) -> None:
    lost, wrong, sound = [await committed(files, f"{number}.jpg") for number in range(3)]
    await files.blobs.delete([lost.blob_key])
    await files.blobs.write(wrong.blob_key, b"other", content_type="image/jpeg")
    for _ in range(3):
        await stray(files)
    await stray(files, key=f"incoming/{new_id()}")
    run = await compare(files, REPAIR)
    assert (run.counts.orphans, run.counts.repaired, run.counts.repaired_bytes) == (4, 4, 28)
    await bury(files.deps)
    assert set(files.blobs.objects) == {wrong.blob_key, sound.blob_key}
    [fact] = await files.facts("files.operator.acted.v1")
    assert (fact.data.action, fact.data.target) == ("bucket.repair_requested", f"reconciliation/{run.id}")
    assert (fact.actorkind, fact.actorid) == ("operator", "shell/ada")
    again = await compare(files, REPAIR)
    assert (again.counts.orphans, again.counts.missing, again.counts.mismatched) == (0, 1, 1)


async def test_a_trial_is_no_act(files: Files) -> None:
    await compare(files)
    assert await files.facts("files.operator.acted.v1") == []


async def test_what_is_under_way_or_on_its_way_out_is_no_orphan(files: Files) -> None:
    created, received, conflict, aborted, refused = [await files.start(f"{number}.jpg") for number in range(5)]
    for upload in (created, received, conflict, aborted, refused):
        await put(files, upload)
    await committed(files, "2 taken.jpg")
    await files.rows(update(uploads).where(uploads.c.id == conflict.id).values(name="2 taken.jpg").returning(uploads.c.id))
    await files.handle(stored(received), stored(conflict), cleared(conflict), stored(refused), rejected(refused))
    await abort_upload(files.deps, files.owner, files.origin, aborted.id)
    assert (await files.now(conflict)).state == "conflict"
    run = await compare(files, REPAIR)
    assert (run.counts.under_way, run.counts.doomed, run.counts.sound, run.counts.orphans) == (3, 2, 1, 0)
    assert run.counts.objects == 6


async def test_young_objects_are_left_alone(files: Files) -> None:
    await stray(files)
    files.clock.advance(hours=23, minutes=59)
    young = await compare(files, Wish(repair=True))
    assert (young.counts.young, young.counts.orphans) == (1, 0)
    files.clock.advance(minutes=1)
    assert (await compare(files, Wish(repair=True))).counts.repaired == 1


async def test_quarantine_is_kept_for_its_week_and_no_longer(files: Files) -> None:
    await stray(files, key=f"quarantine/{new_id()}")
    files.clock.advance(days=6)
    assert (await compare(files, REPAIR)).counts.quarantined == 1
    files.clock.advance(days=1)
    assert (await compare(files, REPAIR)).counts.repaired == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "key",
    [
        "blobs/../etc/passwd", "blobs/%2e%2e", "blobs/a b+\u00fc", "blobs/\x00", "blobs/x\ny", "blobs//", "quarantine/A",
        "blobs/backup.tar", "blobs/01a15df5-00a0-77b9-830d-40bd57deeac1", "incoming/whatever", "quarantine/readme",
    ],
)  # fmt: skip
async def test_keys_that_coffer_never_makes_are_told_and_never_touched(files: Files, key: str) -> None:
    await put_raw(files, key)
    sound = await committed(files, "a.jpg")
    files.clock.advance(days=30)
    run = await compare(files, REPAIR)
    assert (run.state, run.counts.orphans, run.counts.foreign, run.counts.repaired) == ("finished", 1, 1, 0)
    assert (run.counts.sound, len(run.samples["orphans"])) == (1, 1)
    await bury(files.deps)
    assert set(files.blobs.objects) == {key, sound.blob_key}


async def put_raw(files: Files, key: str) -> None:
    await files.blobs.write("blobs/raw", b"x", content_type="text/plain")
    files.blobs.objects[key] = files.blobs.objects.pop("blobs/raw")


async def test_pages_of_any_size_find_the_same(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    done = [await committed(files, f"{number}.jpg") for number in range(7)]
    await files.blobs.delete([done[0].blob_key, done[3].blob_key, done[4].blob_key, done[6].blob_key])
    for _ in range(5):
        await stray(files)
    await stray(files, key="blobs/0")
    await stray(files, key="blobs/z")
    whole = await compare(files)
    assert (whole.counts.orphans, whole.counts.missing, whole.counts.sound, whole.counts.rows) == (7, 4, 3, 7)
    for size in (1, 2, 3, 5):
        monkeypatch.setattr(comparing, "PAGE", size)
        paged = await compare(files)
        assert paged.counts == whole.counts
        assert paged.samples == whole.samples


async def test_a_report_shows_the_first_findings_and_counts_them_all(files: Files) -> None:
    for _ in range(SAMPLES + 5):
        await stray(files)
    run = await compare(files)
    assert (run.counts.orphans, len(run.samples["orphans"])) == (SAMPLES + 5, SAMPLES)


async def test_an_upload_that_is_committed_while_the_bucket_is_read_is_no_finding(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await files.start()
    etag = await put(files, upload)
    listed = files.blobs.listed

    async def listed_then_committed(prefix: str, **more: Any) -> Any:
        found = await listed(prefix, **more)
        if prefix == "blobs/":
            await files.handle(stored(upload, etag=etag), cleared(upload, etag=etag))
        return [one for one in found if one.key != upload.blob_key]

    monkeypatch.setattr(files.blobs, "listed", listed_then_committed)
    run = await compare(files, REPAIR)
    assert (run.counts.missing, run.counts.orphans, run.counts.sound) == (0, 0, 1)


async def test_an_object_that_a_file_comes_to_refer_to_before_the_repair_is_kept(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second look, under the drive's lock, is the one that counts."""
    done = await committed(files, "a.jpg")
    [row] = await files.rows(select(blobs).where(blobs.c.key == done.blob_key))
    referred = references.references

    async def nobody_refers(connection: Any, keys: Any, *, locked: bool = False) -> Any:
        return await referred(connection, keys, locked=True) if locked else {}

    async def nothing_stored(_connection: Any, **_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(references, "references", nobody_refers)
    monkeypatch.setattr(references, "stored_between", nothing_stored)
    run = await compare(files, REPAIR)
    assert (run.counts.repaired, await files.rows(select(doomed_blobs))) == (0, [])
    assert row.key in files.blobs.objects


async def test_an_object_that_is_buried_while_the_bucket_is_read_is_no_orphan(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    aborted, kept = await files.start(), await stray(files)
    await put(files, aborted)
    await abort_upload(files.deps, files.owner, files.origin, aborted.id)
    files.clock.advance(hours=24)
    listed = files.blobs.listed

    async def listed_then_buried(prefix: str, **more: Any) -> Any:
        found = await listed(prefix, **more)
        await bury(files.deps)
        return found

    monkeypatch.setattr(files.blobs, "listed", listed_then_buried)
    run = await compare(files)
    assert ([sample["key"] for sample in run.samples["orphans"]], run.counts.orphans) == ([kept], 1)
    assert (run.counts.objects, run.counts.doomed) == (2, 1)


async def test_an_upload_that_ends_while_it_is_asked_who_refers_to_it_is_no_orphan(files: Files) -> None:
    upload = await files.start()

    class Slow:
        """A connection between whose first and second question the upload is given up."""

        def __init__(self, connection: Any) -> None:
            self.connection = connection
            self.asked = 0

        async def execute(self, *statement: Any) -> Any:
            answer = await self.connection.execute(*statement)
            self.asked += 1
            if self.asked == 1:
                await abort_upload(files.deps, files.owner, files.origin, upload.id)
            return answer

    for _ in range(2):
        async with files.engine.connect() as connection:
            slow: Any = Slow(connection)
            assert await references.references(slow, [upload.blob_key])
    assert (await files.now(upload)).state == "aborted"


async def test_a_file_that_is_purged_meanwhile_is_not_missing(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    done = await committed(files, "a.jpg")
    head = files.blobs.head

    async def purged_then_asked(key: str) -> Any:
        await files.rows("DELETE FROM versions RETURNING id")
        await files.rows("DELETE FROM blobs RETURNING id")
        return await head(key)

    await files.blobs.delete([done.blob_key])
    monkeypatch.setattr(files.blobs, "head", purged_then_asked)
    assert (await compare(files)).counts.missing == 0


async def test_multiparts_that_nobody_will_finish_are_aborted_after_a_day(files: Files) -> None:
    open_, ended = await files.start("a.jpg", mode="multipart"), await files.start("b.jpg", mode="multipart")
    await abort_upload(files.deps, files.owner, files.origin, ended.id)
    # The second one of an upload that is open: two made one at once, and only one could be written down.
    for key in (open_.blob_key, "blobs/stray", f"incoming/{open_.id}", "previews/not-ours"):
        await files.blobs.begin_multipart(key, content_type="text/plain", hashed=False)
    files.clock.advance(hours=23)
    assert await abort_multiparts(files.deps) == 0
    files.clock.advance(hours=1)
    assert await abort_multiparts(files.deps) == 4
    assert await abort_multiparts(files.deps) == 0
    left = {(one.key, one.multipart_id) for one in files.blobs.multiparts}
    assert (open_.blob_key, open_.multipart_id) in left
    assert {key for key, _ in left} == {open_.blob_key, "previews/not-ours"}
    assert len(left) == 2
