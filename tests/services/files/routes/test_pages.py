"""Pages of a document are drawn for whoever turns to them, once, and kept until the document is drawn anew or goes."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_chassis.access import VIEWER
from coffer_files.domain.previews import MOST_PAGES
from coffer_files.handlers import pages
from coffer_files.store.drives import lock_drive
from coffer_files.store.pages import MOST_AWAITED
from factories.files import Files, granted, person
from factories.links import Links
from factories.previewed import asked, document, failed, page_failed, page_ready, previewed, ready


async def about(files: Files, upload: Any) -> list[Any]:
    return [fact for fact in await asked(files) if fact.data.version_id == upload.version_id]


async def turn(http: AsyncClient, upload: Any, page: Any, **more: Any) -> Response:
    return await http.get(f"/v1/items/{upload.item_id}/preview", params={"page": page, **more})


def end_of(answer: Response) -> str:
    assert answer.status_code == 302, answer.text
    return "/".join(answer.headers["location"].partition("?")[0].split("/")[-2:])


def reason_of(answer: Response) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (404, "preview_unavailable"), answer.text
    return answer.json()["reason"]


async def test_whoever_turns_to_a_page_first_has_it_drawn_and_others_find_it(files: Files) -> None:
    upload, reader = await document(files), person()
    await files.handle(granted(str(upload.item_id), files.owner, reader, VIEWER))
    async with files.client() as http, files.client(reader) as reading, files.client(person()) as stranger:
        for _ in range(2):
            answer = await turn(reading, upload, 2)
            assert (answer.status_code, answer.json()) == (202, {"status": "pending"})
            assert (answer.headers["retry-after"], answer.headers["vary"]) == ("1", "Accept")
        assert (await turn(stranger, upload, 2)).json()["code"] == "not_found"
        [request] = await about(files, upload)
        wanted = request.data.page
        assert (wanted.page, wanted.box_pixels, wanted.mime_type, wanted.attempt) == (2, 400, "image/webp", 1)
        assert (request.data.wanted, request.data.locate, request.revision) == ("page", None, 1)
        assert (request.actorid, request.ownerid) == (reader.user_id, files.owner.user_id)
        assert request.data.content.blob_key == upload.blob_key
        await files.handle(page_ready(request))
        for one in (http, reading):
            assert end_of(await turn(one, upload, 2)) == "page-2/400"
        assert end_of(await turn(http, upload, 1)) == f"{upload.blob_id}/400", "the first is its preview"
        assert (await http.get(f"/v1/items/{upload.item_id}/preview/info")).json()["facts"]["page_count"] == 3
    assert len(await about(files, upload)) == 1


async def test_each_size_and_form_is_drawn_by_itself(files: Files) -> None:
    upload = await document(files)
    wishes: list[tuple[dict[str, str], str]] = [
        ({"size": "thumb"}, "page-3/400"),
        ({"size": "medium"}, "page-3/1024"),
        ({"size": "large"}, "page-3/2048"),
        ({"size": "large", "format": "jpeg"}, "page-3/2048.jpg"),
    ]
    async with files.client() as http:
        for wish, _ in wishes:
            assert (await turn(http, upload, 3, **wish)).status_code == 202
        told = await about(files, upload)
        assert [fact.revision for fact in told] == [1, 2, 3, 4]
        await files.handle(*(page_ready(request) for request in reversed(told)))
        assert [end_of(await turn(http, upload, 3, **wish)) for wish, _ in wishes] == [end for _, end in wishes]
        by_accept = await http.get(
            f"/v1/items/{upload.item_id}/preview", params={"page": 3, "size": "large"}, headers={"Accept": "image/jpeg"}
        )
        assert end_of(by_accept) == "page-3/2048.jpg"


async def test_pages_that_there_are_not_are_not_asked_for(files: Files) -> None:
    upload = await document(files)
    long = await document(files, "long.pdf", pages=(1 << 53) - 1)
    photo = await previewed(files, "a.jpg")
    async with files.client() as http:
        assert reason_of(await turn(http, upload, 4)) == "no_such_page"
        assert reason_of(await turn(http, upload, 1_000_000)) == "no_such_page"
        assert reason_of(await turn(http, long, MOST_PAGES + 1)) == "too_many_pages"
        assert reason_of(await turn(http, photo, 2)) == "no_pages"
        for odd in (0, -1, "x", "", 1 << 31, 1 << 70, 1.5):
            answer = await turn(http, upload, odd)
            assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), odd
        assert [await about(files, one) for one in (upload, long, photo)] == [[], [], []]
        assert (await turn(http, long, MOST_PAGES)).status_code == 202
    assert [fact.data.page.page for fact in await about(files, long)] == [MOST_PAGES]


async def test_where_nobody_knows_how_many_there_are_the_media_worker_says_so(files: Files) -> None:
    upload = await document(files, pages=None)
    async with files.client() as http:
        assert (await turn(http, upload, 9)).status_code == 202
        [request] = await about(files, upload)
        await files.handle(page_failed(request, "no_such_page"))
        for _ in range(2):
            assert reason_of(await turn(http, upload, 9)) == "no_such_page"
        assert (await turn(http, upload, 9, size="large")).status_code == 202, "each picture is its own"
    assert len(await about(files, upload)) == 2


async def test_of_a_document_without_a_preview_there_are_no_pages(files: Files) -> None:
    upload = await files.upload("a.pdf")
    async with files.client() as http:
        assert (await turn(http, upload, 2)).status_code == 202
        await files.handle(failed(upload, reason="encrypted"))
        assert reason_of(await turn(http, upload, 2)) == "encrypted"
    assert await about(files, upload) == []


async def test_answers_in_any_order_and_twice_leave_the_last_one(files: Files) -> None:
    upload = await document(files)
    async with files.client() as http:
        await turn(http, upload, 2)
        files.clock.advance(minutes=10)
        await turn(http, upload, 2)
        first, second = await about(files, upload)
        assert first.data.page.page_id == second.data.page.page_id
        assert (first.data.page.attempt, second.data.page.attempt) == (1, 2)
        await files.handle(page_ready(second), page_ready(second), page_failed(first))
        assert end_of(await turn(http, upload, 2)) == "page-2/400"


async def test_a_page_that_never_comes_is_asked_for_three_times_and_then_there_is_none(files: Files) -> None:
    upload = await document(files)
    async with files.client() as http:
        for number in range(3):
            for _ in range(2):
                assert (await turn(http, upload, 2)).status_code == 202
            assert len(await about(files, upload)) == number + 1
            files.clock.advance(minutes=10)
        assert reason_of(await turn(http, upload, 2)) == "no_answer"
        await http.post(f"/v1/items/{upload.item_id}/preview")
        await files.handle(ready(upload, 2))
        assert (await turn(http, upload, 2)).status_code == 202, "a preview made anew is a new chance"
    requests = await about(files, upload)
    assert [fact.data.wanted for fact in requests] == ["page", "page", "page", "all", "page"]
    assert [fact.revision for fact in requests] == [1, 2, 3, 4, 5]


async def test_a_document_that_is_made_anew_forgets_its_pages_and_late_answers_about_them(files: Files) -> None:
    upload = await document(files)
    async with files.client() as http:
        await turn(http, upload, 2)
        await turn(http, upload, 3)
        there, late = await about(files, upload)
        await files.handle(page_ready(there))
        await http.post(f"/v1/items/{upload.item_id}/preview")
        assert (await turn(http, upload, 2)).status_code == 202
        assert len(await about(files, upload)) == 3, "first its preview is made"
        await files.handle(ready(upload, 2), page_failed(late))
        for page in (2, 3):
            assert (await turn(http, upload, page)).status_code == 202
        *_, again, _ = await about(files, upload)
        assert again.data.page.page_id != there.data.page.page_id
        await files.handle(page_failed(there), page_ready(again), page_failed(there))
        assert end_of(await turn(http, upload, 2)) == "page-2/400"
        assert (await turn(http, upload, 3)).status_code == 202


async def test_a_new_version_has_pages_of_its_own_and_a_copy_has_the_same(files: Files) -> None:
    old = await document(files, "a.pdf")
    async with files.client() as http:
        await turn(http, old, 2)
        await files.handle(page_ready((await about(files, old))[0]))
        body = {"parent_id": "root", "name": "copy.pdf"}
        copy = (await http.post(f"/v1/items/{old.item_id}/copy", json=body)).json()
        new = await document(files, "a.pdf", conflict="replace")
        assert new.item_id == old.item_id
        assert (await turn(http, new, 2)).status_code == 202
        assert end_of(await turn(http, new, 2, version_id=str(old.version_id))) == "page-2/400"
        answer = await http.get(f"/v1/items/{copy['id']}/preview", params={"page": 2})
        assert end_of(answer) == "page-2/400", "the same bytes have the same pages"
    assert [fact.data.content.blob_id for fact in await about(files, new)] == [new.blob_id]


async def test_what_is_purged_takes_its_pages_along_and_late_answers_bring_nothing_back(files: Files) -> None:
    upload = await document(files)
    async with files.client() as http:
        await turn(http, upload, 2)
        await turn(http, upload, 3)
        first, second = await about(files, upload)
        await files.handle(page_ready(first))
        await http.delete(f"/v1/items/{upload.item_id}")
        assert (await turn(http, upload, 2)).status_code == 404
        assert (await http.delete(f"/v1/trash/{upload.item_id}")).status_code == 204
        await files.handle(page_ready(second))
    assert await files.rows(f"SELECT 1 FROM page_pictures WHERE blob_id = '{upload.blob_id}'") == []


@pytest.mark.slow
async def test_whoever_leafs_quickly_has_only_so_many_pages_drawn_at_once(files: Files) -> None:
    upload = await document(files, pages=500)
    other = await document(files, "other.pdf")
    async with files.client() as http:
        for page in range(2, 500, 5):
            assert (await turn(http, upload, page)).status_code == 202
        told = await about(files, upload)
        assert len(told) == MOST_AWAITED
        assert (await turn(http, other, 2)).status_code == 202
        assert len(await about(files, other)) == 1
        await files.handle(page_ready(told[0]), page_failed(told[1]))
        for page in (497, 492, 487):
            assert (await turn(http, upload, page)).status_code == 202
        told = await about(files, upload)
        assert [fact.data.page.page for fact in told[MOST_AWAITED:]] == [497, 492], "there is room for two"
        files.clock.advance(minutes=10)
        assert (await turn(http, upload, 487)).status_code == 202
        assert len(await about(files, upload)) == MOST_AWAITED + 3, "those that were lost hold up nobody"


@pytest.mark.slow
async def test_two_who_turn_to_a_page_at_once_have_it_drawn_once(files: Files) -> None:
    upload = await document(files, pages=500)
    async with files.client() as http:
        answers = await asyncio.gather(*(turn(http, upload, page) for page in (2, 2, 2, 2)))
        assert {answer.status_code for answer in answers} == {202}
        assert len(await about(files, upload)) == 1
        await asyncio.gather(*(turn(http, upload, page) for page in range(3, 43)))
    assert len(await about(files, upload)) == MOST_AWAITED, "however many at once"


async def test_a_crash_before_the_end_asks_for_nothing_and_leaves_nothing(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await document(files)

    async def crash(*_: object) -> None:
        raise RuntimeError("the process dies")

    async with files.client() as http:
        with monkeypatch.context() as patch:
            patch.setattr(pages, "ask", crash)
            assert (await turn(http, upload, 2)).status_code == 500
        assert await about(files, upload) == []
        assert (await turn(http, upload, 2)).status_code == 202
    assert [fact.revision for fact in await about(files, upload)] == [1]


@pytest.mark.slow
async def test_whoever_waits_for_a_page_or_waits_in_vain_holds_up_nobody_in_the_drive(files: Files) -> None:
    upload = await document(files, pages=100)
    async with files.client() as http:
        for page in range(2, 2 + MOST_AWAITED):
            await turn(http, upload, page)
        async with files.deps.work.engine.begin() as connection, asyncio.timeout(60):
            assert await lock_drive(connection, files.owner.user_id) is not None
            assert (await turn(http, upload, 2)).status_code == 202
            assert (await turn(http, upload, 99)).status_code == 202, "nor whoever cannot be served yet"


@pytest.mark.slow
async def test_a_visitor_of_a_link_leafs_through_a_document(files: Files, tmp_path: Any) -> None:
    upload = await document(files)
    visitor = await Links(files, tmp_path).visitor(str(upload.item_id))
    async with visitor.client() as http:
        assert (await turn(http, upload, 2)).status_code == 202
        [request] = await about(files, upload)
        assert (request.actorkind, request.ownerid) == ("link", files.owner.user_id)
        await files.handle(page_ready(request))
        assert end_of(await turn(http, upload, 2)) == "page-2/400"


@pytest.mark.slow
@pytest.mark.parametrize("page", [1, 2])
async def test_a_page_costs_a_fixed_number_of_statements(files: Files, page: int) -> None:
    upload = await document(files, pages=500)
    async with files.client() as http:
        for number in range(2, 30):
            await turn(http, upload, number)
        await files.handle(*(page_ready(request) for request in await about(files, upload)))
        files.statements.clear()
        assert end_of(await turn(http, upload, page))
        selects = [said for said in files.statements if said.lstrip().upper().startswith("SELECT")]
        assert len(selects) == page, "one more than the first"
