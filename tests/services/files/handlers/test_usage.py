"""What a drive holds is counted right, whatever was done, and its owner hears when it fills."""

from typing import Any

import pytest

from coffer_chassis.etags import Conditions
from coffer_contracts.ids import ItemId
from coffer_files.domain.usage import Held, crossed, current
from coffer_files.handlers import tallying, trash
from coffer_files.handlers.complete_batches import complete_uploads
from coffer_files.handlers.items import make_folder
from coffer_files.handlers.tallying import tally_trash
from coffer_files.handlers.usage import usage
from coffer_files.store import tallies
from factories.counting import truth
from factories.files import Files, cleared, envelope, files_on, registered, stored

ANY = Conditions()


async def told(files: Files) -> Any:
    return await usage(files.deps, files.owner, files.origin)


async def folder(files: Files, name: str, parent: str = "root") -> ItemId:
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=name, conflict="fail")
    return made.at.item.id


async def throw_away(files: Files, item_id: Any) -> None:
    await trash.trash_item(files.deps, files.owner, files.origin, item_id, ANY)


async def test_what_files_hold_is_told_by_kind_and_older_versions_beside_it(files: Files) -> None:
    assert (await told(files)).used_bytes == 0
    await files.upload("a.jpg", 10)
    text = await files.start("a.jpg", 7, conflict="replace")
    await files.handle(stored(text), cleared(text, mime_type="text/plain", media_kind="text", previewable=False))
    await files.upload("b.jpg", 5)
    await files.start("c.jpg", 3)
    found = await told(files)
    assert (found.used_bytes, found.reserved_bytes) == (22, 3)
    assert {kind: held for kind, held in found.by_kind.items() if held.number} == {"image": Held(5, 1), "text": Held(7, 1)}
    assert found.older == Held(10, 1)
    assert found == await truth(files)


def test_a_kind_that_nobody_knows_yet_counts_as_other() -> None:
    assert current("hologram", 9).columns == {"used_bytes": 9, "other_bytes": 9, "other_files": 1}


async def test_the_trash_is_told_at_once_and_still_the_same_when_it_was_counted(files: Files) -> None:
    top = await folder(files, "top")
    below = await folder(files, "below", top)
    early = await files.upload("early.jpg", 1, parent=below)
    await files.upload("a.jpg", 10, parent=below)
    await files.upload("a.jpg", 20, parent=below, conflict="replace")
    await files.upload("kept.jpg", 40)
    await throw_away(files, early.item_id)
    await throw_away(files, top)
    assert (await told(files)).trash == Held(31, 2)
    assert await tally_trash(files.deps) == 0
    files.clock.advance(seconds=30)
    assert await tally_trash(files.deps) == 2
    assert await tally_trash(files.deps) == 0
    assert (await told(files)).trash == Held(31, 2)
    await trash.restore_item(files.deps, files.owner, files.origin, top, parent=None, conflict="rename")
    assert await told(files) == await truth(files)
    assert (await told(files)).trash == Held(1, 1)


async def test_while_more_lies_in_the_trash_than_can_be_looked_at_it_says_so(files: Files, monkeypatch: Any) -> None:
    monkeypatch.setattr(tallies, "LOOK", 3)
    monkeypatch.setattr(tallies, "_usage_of", tallies._usage())
    top = await folder(files, "top")
    for number in range(3):
        await files.upload(f"{number}.jpg", 10, parent=top)
    await throw_away(files, top)
    before = await told(files)
    assert not before.trash_is_settled
    assert before.trash.size_bytes <= 30
    files.clock.advance(seconds=30)
    assert await tally_trash(files.deps) == 1
    after = await told(files)
    assert (after.trash, after.trash_is_settled) == (Held(30, 3), True)


async def test_a_large_tree_is_counted_in_steps(files: Files, monkeypatch: Any) -> None:
    monkeypatch.setattr(tallying, "FOLDERS", 2)
    monkeypatch.setattr(tallying, "ROWS", 4)
    top = await folder(files, "top")
    for number in range(5):
        inner = await folder(files, f"inner {number}", top)
        for name in range(number):
            await files.upload(f"{name}.jpg", 1, parent=inner)
    assert await tallying.held_below(files.deps, top) == Held(10, 10)


async def test_what_happened_meanwhile_makes_a_count_void(files: Files) -> None:
    upload = await files.upload("a.jpg", 10)
    await throw_away(files, upload.item_id)
    files.clock.advance(seconds=30)
    async with files.deps.work.read() as connection:
        due = [one for one in await tallies.uncounted(connection, files.clock.now(), 100) if one.id == upload.item_id]
    await trash.restore_item(files.deps, files.owner, files.origin, due[0].id, parent=None, conflict="fail")
    await throw_away(files, upload.item_id)
    async with files.deps.work.unit(files.origin) as unit:
        assert await tallies.write_tallies(unit.connection, files.owner.user_id, [(due[0], Held(999, 9))]) == 0
    assert (await told(files)).trash == Held(10, 1)


async def test_a_purge_that_was_cut_short_leaves_what_is_left_in_the_trash(store: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(trash, "PURGE_PAGE", 2)
    async with files_on(store) as files:
        top = await folder(files, "top")
        for number in range(3):
            await files.upload(f"{number}.jpg", 10, parent=top)
        await throw_away(files, top)
        files.clock.advance(seconds=30)
        assert await tally_trash(files.deps) >= 1
        assert not await trash.purge_step(files.deps, files.origin, files.owner.user_id, top)
        assert await told(files) == await truth(files)
        assert (await told(files)).trash == Held(10, 1)
        await trash.purge_item(files.deps, files.owner, files.origin, top)
        assert await told(files) == await truth(files)


async def test_an_owner_hears_once_that_their_drive_fills_and_again_when_it_does_again(store: str) -> None:
    async with files_on(store, default_quota_bytes=100) as files:
        sizes = (79, 1, 1, 14, 5)
        uploads = [await files.upload(f"{number}.jpg", size) for number, size in enumerate(sizes)]
        await throw_away(files, uploads[0].item_id)
        await trash.purge_item(files.deps, files.owner, files.origin, ItemId(str(uploads[0].item_id)))
        await files.upload("again.jpg", 79)
        facts = [fact for fact in await files.facts("files.usage.crossed.v1") if fact.ownerid == files.owner.user_id]
        assert [(fact.revision, fact.data.percent, fact.data.used_bytes) for fact in facts] == [
            (1, 80, 80), (2, 95, 95), (3, 100, 100), (4, 100, 100),
        ]  # fmt: skip


async def test_files_that_are_committed_together_are_each_weighed_after_those_before(store: str) -> None:
    async with files_on(store, default_quota_bytes=100) as files:
        begun = [await files.start(f"{number}.jpg", 45) for number in range(2)]
        for upload in begun:
            await files.blobs.write(upload.blob_key, b"x" * 45, content_type="image/jpeg")
            # A verdict that overtook the bytes: they are committed as soon as they are reported.
            await files.handle(cleared(upload, etag=(await files.blobs.head(upload.blob_key)).etag))
        ids = [upload.id for upload in begun]
        await complete_uploads(files.deps, files.owner, files.origin, ids, problem_base="p")
        assert [(await files.now(upload)).state for upload in begun] == ["committed"] * 2
        facts = [fact for fact in await files.facts("files.usage.crossed.v1") if fact.ownerid == files.owner.user_id]
        assert [(fact.revision, fact.data.used_bytes) for fact in facts] == [(1, 90)]
        assert await told(files) == await truth(files)


async def test_less_room_fills_a_drive_as_well(files: Files) -> None:
    await files.upload("a.jpg", 90)
    known = registered(files.owner.user_id, sequence=5)
    await files.handle(envelope(known.data.model_copy(update={"quota_bytes": 100}), sequence=5))
    facts = [fact.data for fact in await files.facts("files.usage.crossed.v1") if fact.ownerid == files.owner.user_id]
    assert [(fact.percent, fact.quota_bytes) for fact in facts] == [(80, 100)]


@pytest.mark.parametrize(
    ("before", "after", "reached"),
    [
        ((0, 100), (79, 100), None), ((79, 100), (80, 100), 80), ((80, 100), (94, 100), None), ((10, 100), (99, 100), 95),
        ((0, 100), (100, 100), 100), ((100, 100), (120, 100), None), ((0, 0), (0, 0), None), ((0, 0), (1, 0), 100),
        ((50, 100), (50, 60), 80), ((50, 60), (50, 100), None), ((100, 100), (10, 100), None),
    ],
)  # fmt: skip
def test_a_share_is_crossed_when_it_was_not_reached_before(before: Any, after: Any, reached: int | None) -> None:
    assert crossed(*before, *after) == reached
