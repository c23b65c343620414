"""What was made of files is held against the files: what belongs to nothing goes, pictures that are gone are made anew."""

from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_chassis.origin import Origin
from coffer_files.domain.reconciling import PREFIXES, Wish, report_lines
from coffer_files.handlers import comparing_previews
from coffer_files.handlers.burying import bury
from coffer_files.handlers.reconciling import find_run, reconcile, request_run
from factories.bytes import put
from factories.comparing import REPAIR, committed, compare, emptied, stray
from factories.files import Files, cleared, files_on, rejected, stored
from factories.previewed import asked, page_key, page_ready, ready

ONLY = Wish(("previews/",), grace_seconds=0)
MEND = Wish(("previews/",), repair=True, grace_seconds=0)


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store, reconcile_every_hours=0) as service:
        await emptied(service.engine)
        yield service


async def shown(files: Files, name: str, *, jpeg: bool = False) -> Any:
    """A file with pictures that are there."""
    upload = await committed(files, name)
    await files.handle(ready(upload, jpeg=jpeg))
    for box in (400, 1024):
        for end in ("", ".jpg") if jpeg else ("",):
            await files.blobs.write(f"previews/{upload.blob_id}/{box}{end}", b"x" * 7, content_type="image/webp")
    return upload


async def status(files: Files, upload: Any) -> str:
    [(found,)] = await files.rows(f"SELECT preview_status FROM versions WHERE id = '{upload.version_id}'")
    return str(found)


async def test_pictures_of_files_are_sound_and_so_is_whatever_else_was_made_of_them(files: Files) -> None:
    done = [await shown(files, f"{number}.jpg", jpeg=number == 0) for number in range(3)]
    await files.blobs.write(f"previews/{done[0].blob_id}/text", b"words", content_type="text/plain")
    await files.blobs.write(f"previews/{done[1].blob_id}/page/2-400", b"page", content_type="image/webp")
    run = await compare(files, REPAIR)
    assert (run.counts.sound, run.counts.objects, run.counts.orphans, run.counts.lost_previews) == (13, 13, 0, 0)
    assert run.prefixes == PREFIXES
    assert await asked(files) == []


@pytest.mark.slow
@pytest.mark.parametrize("page", [5, 6, 9, 1000])
async def test_every_orphan_and_every_loss_is_found_however_pages_fall(
    files: Files, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(comparing_previews, "PAGE", page)
    done = [await shown(files, f"{number}.jpg", jpeg=number % 2 == 0) for number in range(5)]
    orphans = [await stray(files, key=f"previews/{new_id()}/{end}") for end in ("400", "1024.jpg", "text")]
    both = new_id()
    orphans += [await stray(files, key=f"previews/{both}/{box}") for box in (400, 1024)]
    foreign = [await stray(files, key=f"previews/{name}") for name in ("backup/a", "x", "0/400")]
    await files.blobs.delete([f"previews/{done[0].blob_id}/400", f"previews/{done[3].blob_id}/1024"])
    await files.blobs.delete([f"previews/{done[4].blob_id}/{end}" for end in ("400", "1024", "400.jpg", "1024.jpg")])
    look = await compare(files, ONLY)
    assert (look.counts.orphans, look.counts.foreign, look.counts.repaired) == (8, 3, 0)
    assert (look.counts.lost_previews, look.counts.asked_again, look.counts.missing) == (3, 0, 0)
    assert {sample["key"] for sample in look.samples["orphans"]} == {*orphans, *foreign}
    assert await asked(files) == [], "whoever looks changes nothing"
    mended = await compare(files, MEND)
    assert (mended.counts.repaired, mended.counts.asked_again) == (5, 3)
    await bury(files.deps)
    left = {key for key in files.blobs.objects if key.startswith("previews/")}
    assert left.isdisjoint(orphans)
    assert left.issuperset(foreign), "keys that Coffer never makes are somebody else's"
    assert {fact.data.version_id for fact in await asked(files)} == {done[number].version_id for number in (0, 3, 4)}
    assert [await status(files, one) for one in done] == ["pending", "ready", "ready", "pending", "pending"]
    assert "\n".join(report_lines(mended)).count("Pictures are gone of 3 objects; 3 previews are being made anew.") == 1
    again = await compare(files, MEND)
    assert (again.counts.orphans, again.counts.lost_previews, again.counts.asked_again) == (3, 0, 0)


async def test_the_clock_has_lost_pictures_made_anew_and_deletes_nothing(files: Files) -> None:
    done, orphan = await shown(files, "a.jpg"), await stray(files, key=f"previews/{new_id()}/400")
    await files.blobs.delete([f"previews/{done.blob_id}/400"])
    files.clock.advance(days=2)
    run = (await request_run(files.deps, None, Origin.system(new_id()), Wish())).run
    await reconcile(files.deps)
    await bury(files.deps)
    counts = (await find_run(files.deps, run.id)).counts
    assert (counts.orphans, counts.repaired, counts.lost_previews, counts.asked_again) == (1, 0, 1, 1)
    assert orphan in files.blobs.objects
    [fact] = await asked(files)
    assert (fact.actorkind, fact.data.wanted) == ("system", "all")


async def test_copies_that_share_an_object_keep_its_pictures_until_the_last_one_goes(files: Files) -> None:
    done = await shown(files, "a.jpg")
    async with files.client() as http:
        body = {"parent_id": "root", "name": "b.jpg"}
        assert (await http.post(f"/v1/items/{done.item_id}/copy", json=body)).status_code == 201
        await http.delete(f"/v1/items/{done.item_id}")
        await http.delete(f"/v1/trash/{done.item_id}")
        run = await compare(files, MEND)
        assert (run.counts.sound, run.counts.orphans) == (2, 0)
        [purged] = await files.facts("files.item.purged.v1")
        assert purged.data.blob_ids == ()
        [copy] = (await http.get("/v1/items/root/children")).json()["items"]
        await files.blobs.delete([f"previews/{done.blob_id}/400"])
        assert (await compare(files, MEND)).counts.asked_again == 1, "the copy's own pictures are the same objects"
        await http.delete(f"/v1/items/{copy['id']}")
        await http.delete(f"/v1/trash/{copy['id']}")
    gone = (await files.facts("files.item.purged.v1"))[-1]
    assert gone.data.blob_ids == (done.blob_id,), "the media worker is told to delete what was made of it"
    assert (await compare(files, MEND)).counts.repaired == 1, "and what it missed is found here"


async def test_young_ones_and_those_of_uploads_that_an_operator_may_still_let_in_are_left_alone(files: Files) -> None:
    await stray(files, key=f"previews/{new_id()}/400")
    assert (await compare(files, Wish(("previews/",), repair=True, grace_seconds=3600))).counts.young == 1
    open_upload = await files.start("open.jpg")
    await put(files, open_upload)
    await stray(files, key=f"previews/{open_upload.blob_id}/400")
    refused = await files.start("bad.jpg")
    etag = await put(files, refused)
    await files.handle(stored(refused, etag=etag), rejected(refused, etag=etag))
    await stray(files, key=f"previews/{refused.blob_id}/400")
    run = await compare(files, MEND)
    assert (run.counts.under_way, run.counts.repaired) == (1, 2), "what was refused shows no pictures"


async def leafed(files: Files, *pages: int) -> Any:
    """A document with pictures of pages that somebody turned to."""
    upload = await files.start("a.pdf")
    etag = await put(files, upload)
    await files.handle(stored(upload, etag=etag), cleared(upload, etag=etag, mime_type="application/pdf"))
    upload = await files.now(upload)
    await files.handle(ready(upload))
    for box in (400, 1024):
        await files.blobs.write(f"previews/{upload.blob_id}/{box}", b"x", content_type="image/webp")
    async with files.client() as http:
        for page in pages:
            await http.get(f"/v1/items/{upload.item_id}/preview", params={"page": page})
    for request in await asked(files):
        await files.handle(page_ready(request))
        await files.blobs.write(page_key(request), b"page", content_type="image/webp")
    await files.rows("DELETE FROM outbox RETURNING 1")
    return upload


@pytest.mark.slow
@pytest.mark.parametrize("page", [5, 1000])
async def test_a_document_of_which_more_was_made_than_a_listing_shows_is_compared_as_a_whole(
    files: Files, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(comparing_previews, "PAGE", page)
    done = await leafed(files, *range(2, 22))
    others = [await shown(files, f"{number}.jpg") for number in range(2)]
    orphan = new_id()
    orphans = [await stray(files, key=f"previews/{orphan}/page-{number}/400") for number in range(2, 20)]
    run = await compare(files, MEND)
    assert (run.counts.sound, run.counts.lost_previews, run.counts.repaired) == (22 + 4, 0, 18)
    await bury(files.deps)
    assert set(files.blobs.objects).isdisjoint(orphans)
    await files.blobs.delete([f"previews/{done.blob_id}/page-9/400"])
    run = await compare(files, MEND)
    assert (run.counts.lost_previews, run.counts.asked_again) == (1, 1)
    assert await files.rows("SELECT 1 FROM page_pictures") == [], "whoever turns to a page has it drawn again"
    assert [await status(files, one) for one in (done, *others)] == ["pending", "ready", "ready"]


async def test_pictures_that_go_while_a_page_is_compared_are_no_loss(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    done = await shown(files, "a.jpg")
    await files.blobs.delete([f"previews/{done.blob_id}/400"])
    listed = files.blobs.listed

    async def late(prefix: str, **more: Any) -> Any:
        page = await listed(prefix, **more)
        await files.blobs.write(f"previews/{done.blob_id}/400", b"x", content_type="image/webp")
        return page

    monkeypatch.setattr(files.blobs, "listed", late)
    run = await compare(files, MEND)
    assert (run.counts.lost_previews, run.counts.asked_again) == (0, 0)
