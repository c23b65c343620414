"""Downloads are told of once a minute, by whoever they were, and never with an address."""

from typing import Any

import pytest

from coffer_chassis.access import VIEWER
from coffer_files.handlers.downloads import MOST, Downloads, forget_downloads, tell_downloads, watches
from factories.files import Files, granted, person

DOWNLOADED = "files.item.downloaded.v1"


async def fetch(files: Files, item: str, *paths: str, principal: Any = None) -> None:
    async with files.client(principal) as http:
        for path in paths:
            answer = await http.request(
                "HEAD" if path == "head" else "GET", f"/v1/items/{item}/{path.replace('head', 'content')}"
            )
            assert answer.status_code in {200, 302}


async def tell(files: Files) -> int:
    return await tell_downloads(files.deps.work, files.deps.downloads)


async def told(files: Files, item: str) -> list[Any]:
    return [fact for fact in await files.facts(DOWNLOADED) if fact.data.item_id == item]


async def test_a_download_is_told_with_who_had_what(files: Files) -> None:
    upload = await files.upload("a.jpg", size=7)
    assert upload.item_id
    files.statements.clear()
    await fetch(files, upload.item_id, "content")
    writes = [one for one in files.statements if one.lstrip().startswith(("INSERT", "UPDATE"))]
    assert writes == []
    assert await told(files, upload.item_id) == []
    (job,) = watches(files.deps.work, files.deps.downloads)
    assert await job.run() == 1
    (fact,) = await told(files, upload.item_id)
    assert (fact.actorid, fact.actorkind, fact.ownerid) == (files.owner.user_id, "user", files.owner.user_id)
    assert (fact.data.version_id, fact.data.size_bytes, fact.data.way) == (upload.version_id, 7, "content")
    assert fact.data.name == "a.jpg"
    assert "bucket.invalid" not in fact.to_json()


async def test_it_is_told_once_a_minute_however_often_and_wherever_it_happens(files: Files) -> None:
    upload = await files.upload("often.jpg")
    assert upload.item_id
    await fetch(files, upload.item_id, "content", "download-url", "content")
    assert await tell(files) == 1
    files.clock.advance(seconds=59)
    await fetch(files, upload.item_id, "content")
    assert await tell(files) == 0
    files.clock.advance(seconds=1)
    await fetch(files, upload.item_id, "download-url")
    assert await tell(files) == 1
    assert [fact.data.way for fact in await told(files, upload.item_id)] == ["content", "url"]


async def test_everybody_counts_for_themselves_and_looking_is_no_download(files: Files) -> None:
    upload, reader = await files.upload("shared.jpg"), person()
    assert upload.item_id
    await files.handle(granted(upload.item_id, files.owner, reader, VIEWER))
    await fetch(files, upload.item_id, "head")
    await fetch(files, upload.item_id, "content", "preview/info", principal=reader)
    assert await tell(files) == 1
    (fact,) = await told(files, upload.item_id)
    assert (fact.actorid, fact.ownerid) == (reader.user_id, files.owner.user_id)


async def test_what_could_not_be_committed_is_told_the_next_time(files: Files) -> None:
    upload = await files.upload("later.jpg")
    assert upload.item_id
    await fetch(files, upload.item_id, "content")
    (noted,) = files.deps.downloads.waiting()
    files.deps.downloads.note(
        noted.origin, noted.at._replace(item=noted.at.item._replace(name="x" * 100_000)), "content", version_id=noted.version_id
    )
    with pytest.raises(ValueError, match="bytes"):
        await tell(files)
    assert await told(files, upload.item_id) == []
    files.deps.downloads.note(noted.origin, noted.at, "content", version_id=noted.version_id)
    assert await tell(files) == 1


async def test_memory_is_bounded_and_rows_are_forgotten(files: Files) -> None:
    upload = await files.upload("many.jpg")
    assert upload.item_id
    await fetch(files, upload.item_id, "content")
    (noted,) = [one for one in files.deps.downloads.waiting() if one.at.item.id == upload.item_id]
    full = Downloads(files.clock)
    for number in range(MOST + 5):
        full.note(noted.origin, noted.at, "content", version_id=f"{number}")  # type: ignore[arg-type]  # any text will do
    assert len(full.waiting()) == MOST
    await tell(files)
    files.clock.advance(days=2)
    assert await forget_downloads(files.deps.work) >= 1
    assert await files.rows("SELECT 1 FROM downloads_told") == []
