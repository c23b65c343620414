"""Search over HTTP: what is found, in which order, and what is told to nobody."""

from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_chassis.testing import FixedClock
from factories.files import Files, granted, person, taken_back

NOW = FixedClock().now()


async def folder(files: Files, name: str, parent: str = "root", *, owner: Any = None) -> str:
    async with files.client(owner) as client:
        answer = await client.post("/v1/folders", json={"parent_id": parent, "name": name})
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


async def ask(files: Files, who: Any = None, **query: Any) -> dict[str, Any]:
    async with files.client(who) as client:
        answer = await client.get("/v1/search", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def names(files: Files, who: Any = None, **query: Any) -> list[str]:
    return [found["item"]["name"] for found in (await ask(files, who, **query))["items"]]


PARTS = {
    "IMG_20240512_101112.jpg": ["img", "IMG_2024", "0512", "2_1", ".jpg", "jpg img"],
    "annualReportSales.docx": ["report", "sales", "lRep", "doc annual"],
    "会議資料東京.pptx": ["会議", "東京", "議資", "料", "pptx 会"],
    "Café Über Straße.txt": ["cafe", "CAFÉ", "cafe\u0301", "uber", "strasse", "straße über"],
    "한글문서.hwp": ["한글", "문서", "한그"],
    "שלום עולם.txt": ["שלום", "עולם txt"],
    "100% _done_ back\\slash.md": ["100%", "_done_", "\\", "k\\s", "%"],
    "🎉party🎊.png": ["🎉", "y🎊", "party"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
async def test_a_name_is_found_by_any_part_of_it(files: Files, name: str) -> None:
    await folder(files, name)
    await folder(files, "something else")
    for part in PARTS[name]:
        assert await names(files, q=part) == [name], part
    assert await names(files, q=f"{name} nothing") == []


async def test_an_exact_name_comes_first_then_beginnings_by_name_then_parts_newest_first(files: Files) -> None:
    for name in ("my plan old", "plans", "plan b", "my plan new", "plan"):
        await folder(files, name)
        files.clock.advance(seconds=60)
    assert await names(files, q="plan") == ["plan", "plan b", "plans", "my plan new", "my plan old"]
    assert await names(files, q="plan", sort="name") == ["my plan new", "my plan old", "plan", "plan b", "plans"]
    newest = ["plan", "my plan new", "plan b", "plans", "my plan old"]
    assert await names(files, q="plan", sort="-modified_at") == newest


@pytest.mark.slow
@pytest.mark.parametrize("sort", ["relevance", "name", "-modified_at", "size", "-size"])
async def test_pages_follow_each_other_without_gaps_or_repeats(files: Files, sort: str) -> None:
    for number in range(7):
        await folder(files, f"page {number}")
        await folder(files, f"a page {number}")
    whole = await names(files, q="page", sort=sort)
    assert len(set(whole)) == 14
    paged: list[str] = []
    query: dict[str, Any] = {"q": "page", "sort": sort, "limit": 3}
    while True:
        page = await ask(files, **query)
        paged += [found["item"]["name"] for found in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert paged == whole


async def test_a_cursor_of_one_search_does_not_open_another(files: Files) -> None:
    for number in range(3):
        await folder(files, f"cursor {number}")
    cursor = (await ask(files, q="cursor", limit=1))["next_cursor"]
    async with files.client() as client:
        answer = await client.get("/v1/search", params={"q": "curso", "limit": 1, "cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


async def test_highlights_are_ranges_of_characters_of_the_name_as_it_is_written(files: Files) -> None:
    name = "Zoë's café & <b>CAFÉ"
    await folder(files, name)
    (found,) = (await ask(files, q="cafe"))["items"]
    marked = [name[part["start"] :][: part["length"]] for part in found["highlights"]["name"]]
    assert marked == ["café", "CAFÉ"]
    assert found["highlights"]["text"] is None


async def test_what_lies_in_the_trash_or_below_it_is_not_found_until_it_is_back(files: Files) -> None:
    top = await folder(files, "bin top")
    inner = await folder(files, "bin inner", top)
    await folder(files, "bin deep", inner)
    single = await folder(files, "bin single")
    async with files.client() as client:
        for item in (top, single):
            assert (await client.delete(f"/v1/items/{item}")).status_code == 204
        assert await names(files, q="bin") == []
        assert (await client.post(f"/v1/trash/{top}/restore", json={})).status_code == 200
    assert await names(files, q="bin", sort="name") == ["bin deep", "bin inner", "bin top"]


async def test_a_renamed_or_moved_item_is_found_at_once_as_it_is_now(files: Files) -> None:
    here, there = await folder(files, "here"), await folder(files, "there")
    item = await folder(files, "before", here)
    async with files.client() as client:
        await client.patch(f"/v1/items/{item}", json={"name": "after", "parent_id": there})
    assert await names(files, q="before") == []
    assert await names(files, q="after", **{"in": there}) == ["after"]
    assert await names(files, q="after", **{"in": here}) == []


async def test_below_a_folder_things_are_found_at_any_depth_and_not_the_folder_itself(files: Files) -> None:
    top = await folder(files, "deep top")
    middle = await folder(files, "deep middle", top)
    await folder(files, "deep bottom", middle)
    await folder(files, "deep outside")
    assert sorted(await names(files, q="deep", **{"in": top})) == ["deep bottom", "deep middle"]
    assert len(await names(files, q="deep", **{"in": "root"})) == 4


async def test_a_folder_of_somebody_else_is_not_there(files: Files) -> None:
    secret = await folder(files, "secret", owner=person())
    async with files.client() as client:
        for within, status in ((secret, 404), (new_id(), 404), ("nonsense", 422)):
            assert (await client.get("/v1/search", params={"q": "a", "in": within})).status_code == status


@pytest.mark.slow
async def test_filters_narrow_what_is_found(files: Files) -> None:
    upload = await files.upload("filter.jpg", 100)
    await folder(files, "filter folder")
    assert await names(files, q="filter", kind="folder") == ["filter folder"]
    for matching in (
        {"kind": "file"},
        {"type": "image"},
        {"type": "image,video"},
        {"size_min": 100, "size_max": 100},
        {"size_min": 1},
        {"owner": files.owner.user_id, "kind": "file"},
    ):
        assert await names(files, q="filter", **matching) == ["filter.jpg"], matching
        assert await names(files, **matching) == ["filter.jpg"], matching
    for empty in ({"type": "video"}, {"size_min": 101}, {"size_max": 99}, {"owner": new_id()}, {"shared": True}, {"tag": "x"}):
        assert await names(files, q="filter", **empty) == [], empty
    assert await names(files, q="filter", modified_after="2000-01-01T00:00:00Z", shared=False, kind="file") == ["filter.jpg"]
    assert await names(files, q="filter", modified_before="2000-01-01T00:00:00Z") == []
    assert upload.state == "committed"


async def test_what_was_shared_is_found_at_any_depth_and_nothing_beside_it(files: Files) -> None:
    reader = person()
    top = await folder(files, "given top")
    inner = await folder(files, "given inner", top)
    await folder(files, "given deep", inner)
    await folder(files, "given beside")
    await folder(files, "given own", owner=reader)
    assert await names(files, reader, q="given") == ["given own"]
    grant = granted(inner, files.owner, reader)
    await files.handle(grant)
    assert await names(files, reader, q="given") == ["given deep", "given inner", "given own"]
    assert await names(files, reader, q="given", shared=True) == ["given deep", "given inner"]
    assert await names(files, reader, q="given", shared=False) == ["given own"]
    assert await names(files, reader, q="given", owner=files.owner.user_id) == ["given deep", "given inner"]
    assert await names(files, reader, q="given", **{"in": inner}) == ["given deep"]
    assert await names(files, q="given", shared=True) == ["given inner"]
    await files.handle(taken_back(grant))
    assert await names(files, reader, q="given") == ["given own"]


async def test_a_share_that_is_over_finds_nothing(files: Files) -> None:
    reader = person()
    await files.handle(granted(await folder(files, "timed"), files.owner, reader, expires_at=NOW))
    assert await names(files, reader, q="timed") == []


HOSTILE = [
    "x" * 10_000,
    "nul\x00byte",
    "bell\x07",
    " ".join("abcdefghijklm"),
    "",
    "  \t ",
]


@pytest.mark.parametrize("text", HOSTILE, ids=["10 kB", "NUL", "control character", "many words", "nothing", "spaces"])
@pytest.mark.parametrize("route", ["/v1/search", "/v1/search/suggest"])
async def test_what_cannot_be_looked_for_is_refused_in_words(files: Files, route: str, text: str) -> None:
    async with files.client() as client:
        answer = await client.get(route, params={"q": text})
    if not text.strip() and route.endswith("suggest"):
        assert answer.status_code == 200
    else:
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == "/q"


HARMLESS = ["a & b", "a | !b", "a <-> b", "a:*", "'", '"', "\\", "%", "_", "--", "...", "';drop table items;--", "(((", "*"]
HARMLESS += ["\u202e", "\u200f", "👩‍👩‍👧", "\U0010ffff", "x" * 256, "e\u0301" * 100, "<script>"]


@pytest.mark.parametrize("text", HARMLESS)
async def test_signs_mean_themselves(files: Files, text: str) -> None:
    assert await names(files, q=text) == []


async def test_suggestions_are_light_and_name_what_the_person_looked_for(files: Files) -> None:
    for number in range(12):
        await folder(files, f"suggest {number}")
    async with files.client() as client:
        for query in ("Suggest  something", "other", "SUGGEST something"):
            assert (await client.post("/v1/search/queries", json={"q": query})).status_code == 204
            files.clock.advance(seconds=1)
        answer = (await client.get("/v1/search/suggest", params={"q": "sugg"})).json()
        assert [item["name"] for item in answer["items"][:2]] == ["suggest 0", "suggest 1"]
        assert len(answer["items"]) == 10
        assert answer["items"][0]["path"] == "/suggest 0"
        assert answer["recent"] == ["SUGGEST something"]
        assert (await client.get("/v1/search/suggest", params={"q": "", "limit": 3})).json()["recent"] == [
            "SUGGEST something", "other",
        ]  # fmt: skip
        assert (await client.delete("/v1/search/queries", params={"q": "suggest SOMETHING"})).status_code == 204
        assert (await client.get("/v1/search/suggest")).json()["recent"] == ["other"]
        assert (await client.delete("/v1/search/queries")).status_code == 204
        assert (await client.get("/v1/search/suggest")).json()["recent"] == []
    async with files.client(person()) as client:
        assert (await client.get("/v1/search/suggest", params={"q": "sugg"})).json()["items"] == []


async def test_only_the_last_fifty_queries_are_kept(files: Files) -> None:
    async with files.client() as client:
        for number in range(52):
            files.clock.advance(seconds=1)
            await client.post("/v1/search/queries", json={"q": f"query {number}"})
    kept = await files.rows(f"SELECT query FROM queries WHERE user_id = '{files.owner.user_id}' ORDER BY used_at")
    assert [row.query for row in kept] == [f"query {number}" for number in range(2, 52)]


async def test_tags_and_favourites_of_the_caller_narrow_what_is_found(files: Files) -> None:
    marked = await folder(files, "marked one")
    await folder(files, "marked two")
    async with files.client() as client:
        answer = await client.put(f"/v1/items/{marked}/tags", json={"tags": ["Blue", "tax"]})
        assert answer.status_code == 200, answer.text
        assert (await client.put(f"/v1/items/{marked}/favourite")).status_code < 300
    for matching in ({"tag": "BLUE"}, {"tag": "tax,blue"}, {"favourite": True}):
        assert await names(files, q="marked", **matching) == ["marked one"], matching
        assert await names(files, **matching) == ["marked one"], matching
    assert await names(files, q="marked", tag="blue,red") == []
    assert await names(files, q="marked", favourite=False) == ["marked two"]
    (found,) = (await ask(files, tag="blue"))["items"]
    assert (found["item"]["tags"], found["item"]["favourite"]) == (["Blue", "tax"], True)


async def test_how_long_it_took_is_told_and_requests_are_counted_as_searches(files: Files) -> None:
    assert (await ask(files, q="anything"))["took_ms"] > 0
    async with files.client() as client:
        answer = await client.get("/v1/search", params={"q": "anything"})
    assert '"search"' in answer.headers["ratelimit-policy"]


@pytest.mark.slow
@pytest.mark.parametrize("hidden", range(1, 9))
async def test_what_nobody_may_see_does_not_end_a_search_before_its_end(
    files: Files, monkeypatch: pytest.MonkeyPatch, hidden: int
) -> None:
    # A share with so many folders below it that its owner's drive is looked at, name by name.
    monkeypatch.setattr("coffer_files.store.reaches.MOST_FOLDERS", 0)
    monkeypatch.setattr("coffer_files.handlers.searching.FEWEST", 2)
    reader = person()
    shared = await folder(files, "shared")
    await folder(files, "the plan", shared)
    for number in range(hidden):
        await folder(files, f"plan {number}")
    await files.handle(granted(shared, files.owner, reader))
    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(hidden + 2):
        page = await ask(files, reader, q="plan", limit="1", **cursor)
        found += [one["item"]["name"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == ["the plan"]
