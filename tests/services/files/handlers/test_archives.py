"""Archives: what is in them, who gets them, and what happens when the world changes while one is made."""

import asyncio
import io
import zipfile
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import AsyncClient, Response

from coffer_chassis.blobs import BlobMissing
from coffer_chassis.ids import new_id
from coffer_contracts.ids import ArchiveId
from coffer_contracts.problems import Unavailable
from coffer_files.handlers import archive_walk
from coffer_files.handlers.archive_bytes import AHEAD, SMALL_BYTES, BrokenOff, archive_bytes
from coffer_files.handlers.archives import find_archive
from coffer_files.handlers.downloads import tell_downloads
from coffer_files.handlers.items import make_folder
from factories.files import Files, files_on, granted, person, taken_back


async def folder(files: Files, name: str, parent: str = "root") -> str:
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=name, conflict="fail")
    return made.at.item.id


async def file(files: Files, name: str, content: bytes, parent: str = "root") -> str:
    """A committed file with its bytes in the bucket; its id."""
    done = await files.upload(name, len(content), parent=parent)
    assert done.item_id
    etag = await files.blobs.write(done.blob_key, content, content_type="image/jpeg")
    await files.rows(f"UPDATE blobs SET etag = '{etag}' WHERE key = '{done.blob_key}' RETURNING 1")
    return done.item_id


async def ask(http: AsyncClient, *items: str, **more: Any) -> Response:
    return await http.post("/v1/archives", json={"item_ids": list(items), **more})


async def fetched(http: AsyncClient, *items: str, **more: Any) -> zipfile.ZipFile:
    asked = await ask(http, *items, **more)
    assert asked.status_code == 201, asked.text
    answer = await http.get(asked.json()["url"])
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content))


def contents(archive: zipfile.ZipFile) -> dict[str, bytes]:
    assert archive.testzip() is None
    return {name: archive.read(name) for name in archive.namelist()}


async def test_folders_and_files_come_with_everything_below_them(files: Files) -> None:
    trips = await folder(files, "Trips")
    inner = await folder(files, "D\u00e4nemark \u65e5", trips)
    await folder(files, "empty", inner)
    await file(files, "a.jpg", b"aaa", trips)
    large = bytes(range(256)) * 2048
    await file(files, "b.jpg", large, inner)
    beside = await file(files, "a.jpg", b"beside")
    gone = await file(files, "gone.jpg", b"gone", trips)
    async with files.client() as http:
        assert (await http.delete(f"/v1/items/{gone}")).status_code == 204
        asked = await ask(http, trips, beside, inner)
        answer = await http.get(asked.json()["url"])
    assert contents(zipfile.ZipFile(io.BytesIO(answer.content))) == {
        "Trips/": b"",
        "a.jpg": b"beside",
        "Trips/D\u00e4nemark \u65e5/": b"",
        "Trips/a.jpg": b"aaa",
        "Trips/D\u00e4nemark \u65e5/b.jpg": large,
        "Trips/D\u00e4nemark \u65e5/empty/": b"",
    }
    told = asked.json()
    assert told["name"] == "Coffer.zip"
    assert abs(told["estimated_size"] - len(answer.content)) < 1000
    assert asked.headers["location"] == told["url"]
    assert asked.headers["cache-control"] == answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith('attachment; filename="Coffer.zip"')


async def test_an_archive_is_called_after_what_is_in_it_or_as_was_wished(files: Files) -> None:
    plans, photo = await folder(files, "Plans.2026"), await file(files, "a b.jpg", b"x")
    async with files.client() as http:
        root = (await http.get("/v1/items/root")).json()["id"]
        names = [(await ask(http, *some)).json()["name"] for some in ([plans], [photo], [plans, photo], [root])]
        assert names == ["Plans.2026.zip", "a b.zip", "Coffer.zip", "Coffer.zip"]
        assert (await ask(http, plans, name="caf\u00e9.ZIP")).json()["name"] == "caf\u00e9.ZIP"
        assert (await ask(http, plans, name="x" * 255)).json()["name"] == "x" * 251 + ".zip"
        assert (await ask(http, plans, name="../x")).json()["code"] == "name_invalid"
        assert "Coffer/a b.jpg" in (await fetched(http, root)).namelist()


async def test_the_address_works_once_and_looking_does_not_use_it_up(files: Files) -> None:
    item = await file(files, "once.jpg", b"x")
    async with files.client() as http:
        url = (await ask(http, item)).json()["url"]
        looked = await http.head(url)
        assert (looked.status_code, looked.headers["content-type"]) == (200, "application/zip")
        answers = await asyncio.gather(*(http.get(url) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"ticket_required"}


async def test_only_the_ticket_opens_it_and_it_stands_nowhere(files: Files) -> None:
    item = await file(files, "mine.jpg", b"x")
    async with files.client() as http:
        first, other = (await ask(http, item)).json(), (await ask(http, item)).json()
        ticket = parse_qs(urlsplit(first["url"]).query)["ticket"][0]
        assert len(ticket) >= 43
        for at in (
            f"/v1/archives/{first['id']}",
            f"/v1/archives/{other['id']}?ticket={ticket}",
            f"/v1/archives/x?ticket={ticket}",
        ):
            for given in (at, f"{at}&ticket=x"):
                assert (await http.get(given)).status_code == 404, given
        assert (await http.get(f"/v1/archives/{first['id']}?ticket=%00%ff")).status_code == 404
        assert (await http.get(f"/v1/archives/{first['id']}", headers={"Authorization": ""})).status_code == 404
    [row] = await files.rows(f"SELECT archives::text FROM archives WHERE id = '{first['id']}'")
    assert ticket not in row[0]


async def test_it_ends_by_time_and_with_the_session(files: Files) -> None:
    item = await file(files, "late.jpg", b"x")
    async with files.client() as http:
        late, lost = (await ask(http, item)).json()["url"], (await ask(http, item)).json()
        archive = await find_archive(files.deps, ArchiveId(lost["id"]), parse_qs(urlsplit(lost["url"]).query)["ticket"][0])
        files.deps.denied.revocations.add(archive.session_id, files.clock.now() + timedelta(hours=1))
        assert (await http.get(lost["url"])).json()["code"] == "ticket_required"
        files.clock.advance(seconds=300)
        assert (await http.get(late)).json()["code"] == "ticket_required"


async def test_rights_are_judged_when_it_is_asked_for_and_when_it_is_fetched(files: Files) -> None:
    shared, other, reader = await folder(files, new_id()), await folder(files, new_id()), person()
    await file(files, "a.jpg", b"aaa", shared)
    given = [granted(one, files.owner, reader) for one in (shared, other)]
    await files.handle(*given)
    async with files.client(reader) as http:
        assert (await ask(http, shared, await folder(files, new_id()))).status_code == 404
        assert (await ask(http, new_id())).status_code == 404
        url = (await ask(http, shared, other)).json()["url"]
        await files.handle(taken_back(given[0]))
        left = contents(zipfile.ZipFile(io.BytesIO((await http.get(url)).content)))
    assert [name.rpartition("/")[2] for name in left] == ["", "_errors.txt"]
    assert b"1 of what was asked for: it is no longer there for you" in left["_errors.txt"]


async def test_a_file_that_vanishes_is_named_and_the_rest_comes(files: Files) -> None:
    trips = await folder(files, "Vanishing")
    await file(files, "_errors.txt", b"mine", trips)
    top = await file(files, "_errors.txt", b"top")
    for name, size in (("small.jpg", 10), ("large.jpg", SMALL_BYTES + 1)):
        await file(files, name, b"x" * size, trips)
    await file(files, "stays.jpg", b"stays", trips)
    for name in ("small.jpg", "large.jpg"):
        [row] = await files.rows(
            "SELECT key FROM blobs JOIN versions ON blob_id = blobs.id JOIN items ON items.id = item_id "
            f"WHERE name = '{name}' AND items.parent_id = '{trips}'"
        )
        await files.blobs.delete([row.key])
    async with files.client() as http:
        found = contents(await fetched(http, trips, top))
    assert found["Vanishing/stays.jpg"] == b"stays"
    assert found["Vanishing/_errors.txt"] == b"mine"
    assert found["_errors (1).txt"] == b"top"
    assert "Vanishing/small.jpg" not in found
    assert "Vanishing/large.jpg" not in found
    assert sorted(found["_errors.txt"].decode().splitlines()[2:]) == [
        "Vanishing/large.jpg: it was removed while the archive was made",
        "Vanishing/small.jpg: it was removed while the archive was made",
    ]


class Breaking:
    """A bucket whose connections break: after so many bytes, so many times, with this error."""

    def __init__(self, files: Files, times: int, error: Exception) -> None:
        self._inner = files.blobs.stream
        self.times = times
        self.error = error
        self.firsts: list[int] = []
        self.open = 0

    @asynccontextmanager
    async def stream(self, key: str, *, first: int = 0, etag: str | None = None) -> Any:
        self.firsts.append(first)
        if first and isinstance(self.error, BlobMissing):
            raise self.error
        self.open += 1
        try:
            async with self._inner(key, first=first, etag=etag) as pieces:
                yield self._some(pieces)
        finally:
            self.open -= 1

    async def _some(self, pieces: Any) -> Any:
        yield await anext(pieces)
        if self.times:
            self.times -= 1
            raise self.error if not isinstance(self.error, BlobMissing) else ConnectionResetError
        async for piece in pieces:
            yield piece


async def archive_of(files: Files, *items: str) -> Any:
    async with files.client() as http:
        asked = (await ask(http, *items)).json()
    return await find_archive(files.deps, ArchiveId(asked["id"]), parse_qs(urlsplit(asked["url"]).query)["ticket"][0])


async def test_a_broken_connection_is_taken_up_where_it_broke(files: Files) -> None:
    content = bytes(range(256)) * 3000
    item = await file(files, "long.jpg", content)
    bucket = Breaking(files, 3, ConnectionResetError())
    files.blobs.stream = bucket.stream
    async with files.client() as http:
        assert contents(await fetched(http, item)) == {"long.jpg": content}
    assert len(bucket.firsts) == 4
    assert bucket.firsts == sorted(set(bucket.firsts))


@pytest.mark.parametrize("error", [ConnectionResetError(), BlobMissing("x")], ids=["connection", "missing"])
async def test_half_a_file_is_never_taken_for_a_whole_one(files: Files, error: Exception) -> None:
    item = await file(files, "half.jpg", bytes(700_000))
    bucket = Breaking(files, 99, error)
    files.blobs.stream = bucket.stream
    archive = await archive_of(files, item)
    with pytest.raises(BrokenOff):
        async for _ in archive_bytes(files.deps, archive):
            pass
    assert bucket.open == 0


async def test_whoever_leaves_ends_every_request_to_the_bucket(files: Files) -> None:
    top = await folder(files, new_id())
    await file(files, "a.jpg", bytes(700_000), top)
    for number in range(AHEAD + 2):
        await file(files, f"b{number:02}.jpg", b"x", top)
    bucket, reads, cancelled = Breaking(files, 0, ConnectionResetError()), 0, 0
    never = asyncio.Event()

    async def read(_key: str, **_: Any) -> bytes:
        nonlocal reads, cancelled
        reads += 1
        try:
            await never.wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return b""

    files.blobs.stream, files.blobs.read = bucket.stream, read
    async with aclosing(archive_bytes(files.deps, await archive_of(files, top))) as pieces:
        async for piece in pieces:
            if len(piece) > 10_000:
                break
        assert bucket.open == 1
        await asyncio.sleep(0)  # those that were begun run up to the bucket
        assert reads <= AHEAD
    assert bucket.open == 0
    assert cancelled == reads > 0


async def test_no_more_is_read_than_is_taken(files: Files) -> None:
    """Small files are fetched a few ahead and no further, however many there are."""
    top = await folder(files, new_id())
    for number in range(AHEAD + 8):
        await file(files, f"{number:02}.jpg", bytes(30_000), top)
    inner, reads = files.blobs.read, 0

    async def read(key: str, **more: Any) -> bytes:
        nonlocal reads
        reads += 1
        content: bytes = await inner(key, **more)
        return content

    files.blobs.read = read
    pieces = archive_bytes(files.deps, await archive_of(files, top))
    await anext(pieces)
    assert reads <= AHEAD + 4
    await pieces.aclose()


async def test_one_statement_reads_many_folders_and_a_long_folder_is_read_in_pages(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_walk, "PAGE", 30)
    top = await folder(files, new_id())
    for number in range(40):
        await folder(files, f"{number:02}", top)
    await file(files, "deep.jpg", b"x", await folder(files, "99", top))
    files.statements.clear()
    entries = [entry async for entry in archive_walk.walk(files.deps, [top])]  # type: ignore[list-item]  # an id
    assert len(entries) == 1 + 41 + 1
    assert len(files.statements) <= 5
    assert len({entry.path for entry in entries}) == len(entries)


@pytest.mark.parametrize(("limit", "told"), [({"archive_max_files": 2}, "items"), ({"archive_max_bytes": 5}, "bytes")])
async def test_an_archive_that_would_be_too_large_is_refused(store: str, limit: dict[str, int], told: str) -> None:
    async with files_on(store, **limit) as files:
        top = await folder(files, "top")
        await file(files, "a.jpg", b"123", top)
        async with files.client() as http:
            assert (await ask(http, top)).status_code == 201
            await file(files, "b.jpg", b"456", top)
            answer = await ask(http, top)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert (answer.json()["limit"], answer.json()["counted"]) == (next(iter(limit.values())), told)


async def test_what_grew_beyond_the_limit_ends_with_a_word_about_it(store: str) -> None:
    async with files_on(store, archive_max_files=2) as files:
        top = await folder(files, "top")
        await file(files, "a.jpg", b"123", top)
        archive = await archive_of(files, top)
        await file(files, "b.jpg", b"456", top)
        whole = b"".join([piece async for piece in archive_bytes(files.deps, archive)])
        found = contents(zipfile.ZipFile(io.BytesIO(whole)))
    assert sorted(found) == ["_errors.txt", "top/", "top/a.jpg"]
    assert b"top/b.jpg: and all that follows: an archive holds no more" in found["_errors.txt"]


@pytest.mark.parametrize(
    "body", [{}, {"item_ids": []}, {"item_ids": ["root"]}, {"item_ids": [new_id()] * 1001}, {"item_ids": None}]
)
async def test_a_wish_that_breaks_the_rules_is_refused(files: Files, body: dict[str, Any]) -> None:
    async with files.client() as http:
        answer = await http.post("/v1/archives", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_so_many_at_once_and_a_ticket_is_not_used_up_for_nothing(store: str) -> None:
    async with files_on(store, archives_at_once=1) as files:
        item = await file(files, "busy.jpg", b"x")
        async with files.client() as http:
            url = (await ask(http, item)).json()["url"]
            with files.deps.archiving.taken("user/another"):
                busy = await http.get(url)
                with pytest.raises(Unavailable), files.deps.archiving.taken("user/third"):
                    pass
            assert (busy.status_code, busy.headers["retry-after"]) == (503, "5")
            assert (await http.get(url)).status_code == 200
        assert files.deps.archiving.count == 0


async def test_nobody_holds_more_than_half_of_the_places(store: str) -> None:
    async with files_on(store, archives_at_once=4) as files:
        item = await file(files, "some.jpg", b"x")
        taken = files.deps.archiving.taken
        async with files.client() as http:
            urls = [(await ask(http, item)).json()["url"] for _ in range(2)]
            with taken(files.owner.grantee):
                with taken(files.owner.grantee):
                    assert (await http.get(urls[0])).status_code == 503
                    with taken("user/another"):
                        assert files.deps.archiving.count == 3
                assert [(await http.get(url)).status_code for url in urls] == [200, 200]
        assert files.deps.archiving.count == 0


async def test_what_was_put_into_an_archive_was_downloaded(files: Files) -> None:
    top = await folder(files, new_id())
    item = await file(files, "told.jpg", b"x")
    async with files.client() as http:
        await fetched(http, top, item)
    assert await tell_downloads(files.deps.work, files.deps.downloads) == 2
    facts = [fact for fact in await files.facts("files.item.downloaded.v1") if fact.data.item_id in {top, item}]
    assert {(fact.data.kind, fact.data.way, fact.data.size_bytes) for fact in facts} == {
        ("folder", "archive", None),
        ("file", "archive", 1),
    }
    assert {fact.actorid for fact in facts} == {files.owner.user_id}
    assert "ticket" not in facts[0].to_json()
