"""Public links as those see them who make them: made, listed, changed, shut, deleted, and what of it is told."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from coffer_chassis.answers import timestamp
from coffer_chassis.ids import new_id
from factories.public_links import Doors, token_of, verifier_of
from factories.sharing import Item, Sharing, sharing_on


@pytest.fixture
async def doors(sharing: Sharing, tmp_path: Path) -> Doors:
    return Doors(sharing, verifier_of(sharing, tmp_path))


@pytest.fixture
async def folder(sharing: Sharing) -> Item:
    return await sharing.item("Plans")


async def asked(doors: Doors, method: str, path: str, who: str | None = None, **more: Any) -> Response:
    async with doors.client(who or doors.sharing.owner.user_id) as http:
        return await http.request(method, path, **more)


def refused(answer: Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def told(sharing: Sharing, link_id: str) -> list[Any]:
    return [fact for fact in await sharing.facts() if fact.subject in {f"link/{link_id}", f"grant/{link_id}"}]


async def test_a_link_is_made_shown_again_and_told_with_its_grant(doors: Doors, folder: Item) -> None:
    sharing, ends = doors.sharing, doors.sharing.clock.now() + timedelta(days=3)
    wish = {"mode": "download", "password": "tulips", "expires_at": timestamp(ends), "max_downloads": 10, "name": "Printer"}
    link = await doors.made(folder, **wish, notify_on_upload=True)
    assert (link["mode"], link["has_password"], link["max_downloads"], link["downloads"]) == ("download", True, 10, 0)
    assert (link["item"]["name"], link["item"]["owner"]["id"], link["state"]) == ("Plans", sharing.owner.user_id, "active")
    assert (link["name"], link["notify_on_upload"], link["disabled"], link["taken_down"]) == ("Printer", True, False, None)
    again = await asked(doors, "GET", f"/v1/links/{link['id']}")
    assert again.json() == link
    assert (again.headers["etag"], again.headers["cache-control"]) == (link["etag"], "no-store")
    same = await asked(doors, "GET", f"/v1/links/{link['id']}", headers={"If-None-Match": link["etag"]})
    assert same.status_code == 304
    grant, made = await told(sharing, link["id"])
    assert (grant.type, grant.data.grantee, grant.data.rights) == ("sharing.grant.set.v1", f"link/{link['id']}", ("read",))
    assert (grant.data.item_id, grant.data.expires_at, grant.revision) == (folder.id, ends, 1)
    assert (made.type, made.data.is_protected, made.data.name) == ("sharing.link.created.v1", True, "Printer")
    assert (made.data.max_downloads_count, made.data.notify_on_upload) == (10, True)


@pytest.mark.parametrize(
    ("mode", "rights"),
    [("view", ("read",)), ("download", ("read",)), ("edit", ("read", "write", "delete")), ("upload_only", ("upload",))],
)
async def test_each_mode_gives_its_rights(doors: Doors, folder: Item, mode: str, rights: tuple[str, ...]) -> None:
    link = await doors.made(folder, mode=mode)
    assert (await told(doors.sharing, link["id"]))[0].data.rights == rights


async def test_nothing_that_is_stored_told_or_logged_opens_a_link(
    doors: Doors, folder: Item, capsys: pytest.CaptureFixture[str]
) -> None:
    sharing = doors.sharing
    link = await doors.made(folder, password="tulips under bridges")
    await asked(doors, "PATCH", f"/v1/links/{link['id']}", json={"password": "crocus over rivers"})
    await doors.session(link, "crocus over rivers")
    logged = capsys.readouterr()
    assert "/v1/public/links/{token}/unlock" in logged.out + logged.err
    assert token_of(link) not in logged.out + logged.err
    for table in ("links", "link_accesses", "outbox", "idempotency_keys", "signing_keys"):
        for (row,) in await sharing.rows(f"SELECT to_jsonb({table})::text FROM {table}"):
            assert token_of(link) not in row
            assert "tulips" not in row
            assert "crocus" not in row


async def test_two_links_to_one_item_are_two(doors: Doors, folder: Item) -> None:
    first, second = await doors.made(folder), await doors.made(folder, name="other")
    assert token_of(first) != token_of(second)
    page = (await asked(doors, "GET", "/v1/links", params={"item_id": folder.id})).json()
    assert [one["id"] for one in page["items"]] == [second["id"], first["id"]]


async def test_the_same_request_twice_makes_one_link_and_another_under_its_key_none(doors: Doors, folder: Item) -> None:
    key = {"Idempotency-Key": new_id()}
    body = {"item_id": folder.id, "password": "tulips"}
    answers = [await asked(doors, "POST", "/v1/links", json=body, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"
    other = await asked(doors, "POST", "/v1/links", json=body | {"password": "crocus"}, headers=key)
    refused(other, 422, "idempotency_key_reuse")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"mode": "own"}, "/mode"),
    ({"password": "abc"}, "/password"),
    ({"password": "x" * 257}, "/password"),
    ({"max_downloads": 0}, "/max_downloads"),
    ({"max_downloads": "3"}, "/max_downloads"),
    ({"max_downloads": True}, "/max_downloads"),
    ({"max_downloads": 2**40}, "/max_downloads"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
    ({"expires_at": "tomorrow"}, "/expires_at"),
    ({"name": "x" * 201}, "/name"),
    ({"name": "a\nb"}, "/name"),
    ({"name": "a\u202eb"}, "/name"),
    ({"token": "chosen"}, "/token"),
    ({"item_id": "root"}, "/item_id"),
]


@pytest.mark.parametrize(("wrong", "pointer"), WRONG, ids=lambda value: str(value)[:40])
async def test_a_link_that_breaks_a_rule_is_not_made(doors: Doors, folder: Item, wrong: dict[str, Any], pointer: str) -> None:
    answer = await asked(doors, "POST", "/v1/links", json={"item_id": folder.id, **wrong})
    refused(answer, 422, "validation_failed")
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}
    assert await doors.sharing.rows(f"SELECT 1 FROM links WHERE item_id = '{folder.id}'") == []


async def test_only_a_folder_collects_files(doors: Doors) -> None:
    file = await doors.sharing.item("a.txt", kind="file")
    refused(await asked(doors, "POST", "/v1/links", json={"item_id": file.id, "mode": "upload_only"}), 422, "validation_failed")
    link = await doors.made(file)
    answer = await asked(doors, "PATCH", f"/v1/links/{link['id']}", json={"mode": "upload_only"})
    refused(answer, 422, "validation_failed")


async def test_only_who_may_share_an_item_makes_links_to_it(doors: Doors, folder: Item) -> None:
    sharing = doors.sharing
    editor, stranger = await sharing.person(), await sharing.person()
    await sharing.share(folder, editor, role="editor")
    refused(await asked(doors, "POST", "/v1/links", editor.user_id, json={"item_id": folder.id}), 403, "forbidden")
    refused(await asked(doors, "POST", "/v1/links", stranger.user_id, json={"item_id": folder.id}), 404, "not_found")
    refused(await asked(doors, "POST", "/v1/links", json={"item_id": sharing.root.id}), 409, "state_conflict")
    await sharing.handle(sharing.drive.trash(folder))
    refused(await asked(doors, "POST", "/v1/links", json={"item_id": folder.id}), 409, "state_conflict")


async def test_a_link_is_its_makers_and_the_owners_and_nobody_elses(doors: Doors, folder: Item) -> None:
    viewer = await doors.sharing.person()
    await doors.sharing.share(folder, viewer)
    link = await doors.made(folder)
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("GET", "/accesses", None),
    ):
        answers = [
            await asked(doors, method, f"/v1/links/{link_id}{path}", viewer.user_id, json=body)
            for link_id in (link["id"], new_id())
        ]
        for answer in answers:
            refused(answer, 404, "not_found")
    page = await asked(doors, "GET", "/v1/links", viewer.user_id, params={"item_id": folder.id})
    assert page.json()["items"] == []
    refused(await asked(doors, "GET", "/v1/links", new_id(), params={"item_id": folder.id}), 404, "not_found")


async def test_lists_go_on_where_they_ended_and_cost_two_statements(doors: Doors) -> None:
    sharing = doors.sharing
    items = [await sharing.item(str(number)) for number in range(3)]
    made = []
    for item in items:
        for _ in range(2):
            sharing.clock.advance(seconds=1)
            made.append((await doors.made(item))["id"])
    found, cursor = [], None
    while True:
        sharing.statements.clear()
        page = (await asked(doors, "GET", "/v1/links", params={"limit": 4} | ({"cursor": cursor} if cursor else {}))).json()
        assert len(sharing.statements) == 2
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]
    refused(await asked(doors, "GET", "/v1/links", params={"cursor": "nonsense"}), 400, "cursor_invalid")


async def test_a_change_is_told_with_what_it_was_and_the_same_wish_again_is_not(doors: Doors, folder: Item) -> None:
    sharing = doors.sharing
    link = await doors.made(folder, mode="view", max_downloads=3)
    path, wish = f"/v1/links/{link['id']}", {"mode": "edit", "max_downloads": None, "name": "Team"}
    changed = await asked(doors, "PATCH", path, json=wish, headers={"If-Match": link["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != link["etag"]
    assert (changed.json()["url"], changed.json()["mode"], changed.json()["max_downloads"]) == (link["url"], "edit", None)
    assert (await asked(doors, "PATCH", path, json=wish)).json() == changed.json()
    refused(await asked(doors, "PATCH", path, json=wish, headers={"If-Match": link["etag"]}), 412, "precondition_failed")
    facts = await told(sharing, link["id"])
    assert [fact.revision for fact in facts] == [1, 1, 2, 2]
    assert facts[2].data.rights == ("read", "write", "delete")
    changes = {change.field: (change.before, change.after) for change in facts[3].data.changes}
    assert changes == {"mode": ("view", "edit"), "max_downloads": ("3", None), "name": (None, "Team")}


async def test_a_link_is_shut_and_opened_again(doors: Doors, folder: Item) -> None:
    sharing = doors.sharing
    link = await doors.made(folder)
    path = f"/v1/links/{link['id']}"
    assert (await asked(doors, "PATCH", path, json={"disabled": True})).json()["state"] == "disabled"
    assert (await asked(doors, "PATCH", path, json={"disabled": True})).status_code == 200
    assert (await asked(doors, "PATCH", path, json={"name": "still shut"})).json()["state"] == "disabled"
    assert (await asked(doors, "PATCH", path, json={"disabled": False})).json()["state"] == "active"
    facts = await told(sharing, link["id"])
    grants = [(fact.type.split(".")[2], fact.revision) for fact in facts if fact.subject.startswith("grant")]
    assert grants == [("set", 1), ("removed", 2), ("removed", 3), ("set", 4)]
    stories = [(fact.type.split(".")[2], fact.revision) for fact in facts if fact.subject.startswith("link")]
    assert stories == [("created", 1), ("disabled", 2), ("changed", 3), ("changed", 4)]
    assert facts[2].data.reason == facts[3].data.reason == "disabled"


async def test_a_deleted_link_is_gone_and_deleting_it_again_is_fine(doors: Doors, folder: Item) -> None:
    link = await doors.made(folder, password="tulips")
    path = f"/v1/links/{link['id']}"
    refused(await asked(doors, "DELETE", path, headers={"If-Match": '"other"'}), 412, "precondition_failed")
    for _ in range(2):
        assert (await asked(doors, "DELETE", path)).status_code == 204
    for method, more in (("GET", ""), ("PATCH", ""), ("GET", "/accesses")):
        refused(await asked(doors, method, path + more, json={} if method == "PATCH" else None), 404, "not_found")
    assert (await asked(doors, "GET", "/v1/links", params={"item_id": folder.id})).json()["items"] == []
    assert Counter(fact.type for fact in await told(doors.sharing, link["id"])) == {
        "sharing.grant.set.v1": 1,
        "sharing.link.created.v1": 1,
        "sharing.grant.removed.v1": 1,
        "sharing.link.disabled.v1": 1,
    }
    [(kept,)] = await doors.sharing.rows(f"SELECT password_hash FROM links WHERE id = '{link['id']}'")
    assert kept is None


@pytest.mark.parametrize("round_", range(3))
async def test_changes_and_an_end_at_once_are_told_one_after_the_other(doors: Doors, folder: Item, round_: int) -> None:
    link = await doors.made(folder, mode="download")
    path = f"/v1/links/{link['id']}"
    wishes: list[dict[str, Any]] = [
        {"name": "a"},
        {"disabled": True},
        {"mode": "edit"},
        {"password": "tulips"},
        {"disabled": False},
    ]
    commands = [asked(doors, "PATCH", path, json=wish) for wish in wishes] + [asked(doors, "DELETE", path)]
    answers = await asyncio.gather(*commands[round_:], *commands[:round_])
    assert {answer.status_code for answer in answers} <= {200, 204, 404}
    facts = await told(doors.sharing, link["id"])
    for subject in ("grant", "link"):
        revisions = [fact.revision for fact in facts if fact.subject.startswith(subject)]
        assert revisions == [*range(1, len(revisions) + 1)]
    assert facts[-1].data.reason == "deleted"
    [(row,)] = await doors.sharing.rows(f"SELECT end_reason FROM links WHERE id = '{link['id']}'")
    assert row == "deleted"


async def test_an_item_has_so_many_links_and_no_more(doors: Doors, folder: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffer_sharing.handlers.links.MOST_LINKS", 2)
    first = await doors.made(folder)
    await doors.made(folder)
    answer = await asked(doors, "POST", "/v1/links", json={"item_id": folder.id})
    refused(answer, 409, "limit_reached")
    assert answer.json()["limit"] == 2
    await asked(doors, "DELETE", f"/v1/links/{first['id']}")
    await doors.made(folder)


async def test_the_owner_is_told_which_links_lead_to_an_item_and_what_they_give(doors: Doors, folder: Item) -> None:
    sharing = doors.sharing
    inner, viewer = await sharing.item("inner", folder), await sharing.person()
    await sharing.share(folder, viewer)
    above, own = await doors.made(folder, mode="edit", name="Team"), await doors.made(inner, mode="view")
    shut = await doors.made(inner)
    await asked(doors, "PATCH", f"/v1/links/{shut['id']}", json={"disabled": True})
    await doors.made(await sharing.item("beside"))
    query = {"item_id": inner.id, "user_id": viewer.user_id}
    links = {one["id"]: one for one in (await asked(doors, "GET", "/v1/shares/explain", params=query)).json()["links"]}
    assert set(links) == {above["id"], own["id"], shut["id"]}
    assert links[above["id"]]["gives"] == {"read": True, "write": True, "delete": True, "share": False, "upload": True}
    assert links[above["id"]]["inherited_from"] == {"item_id": folder.id, "name": "Plans"}
    assert (links[own["id"]]["gives"]["read"], links[own["id"]]["inherited_from"]) == (True, None)
    assert (links[shut["id"]]["state"], any(links[shut["id"]]["gives"].values())) == ("disabled", False)
    theirs = await asked(doors, "GET", "/v1/shares/explain", viewer.user_id, params={"item_id": inner.id})
    assert theirs.json()["links"] == []
    await sharing.handle(sharing.drive.trash(folder))
    gone = (await asked(doors, "GET", "/v1/shares/explain", params=query)).json()["links"]
    assert not any(value for one in gone for value in one["gives"].values())


async def test_a_link_that_collects_files_gives_that_in_its_folder_and_nothing_below_it(doors: Doors, folder: Item) -> None:
    below = await doors.sharing.item("below", folder)
    await doors.made(folder, mode="upload_only")
    for item, expected in ((folder, {"upload"}), (below, set())):
        answer = await asked(doors, "GET", "/v1/shares/explain", params={"item_id": item.id})
        [link] = answer.json()["links"]
        assert {right for right, given in link["gives"].items() if given} == expected


async def test_another_secret_shows_no_address_and_old_ones_go_on(
    doors: Doors, folder: Item, store: str, tmp_path: Path
) -> None:
    link = await doors.made(folder)
    await doors.sharing.rows("DELETE FROM signing_keys RETURNING id")
    async with sharing_on(store, key_secret="22" * 32) as other:
        later = Doors(other, verifier_of(other, tmp_path))
        answer = await asked(later, "GET", f"/v1/links/{link['id']}", doors.sharing.owner.user_id)
        assert (answer.status_code, answer.json()["url"]) == (200, None)
        async with later.client() as http:
            assert (await http.get(f"/v1/public/links/{token_of(link)}")).status_code == 200
        await other.rows("DELETE FROM signing_keys RETURNING id")
