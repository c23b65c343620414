"""Public links as visitors see them: what they lead to, coming in, and leave to download."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from coffer_chassis.answers import timestamp
from coffer_chassis.ids import new_id
from coffer_contracts.problems import Unauthenticated
from coffer_sharing.domain.links import program_of
from coffer_sharing.handlers import link_tickets
from coffer_sharing.handlers.link_ending import end_links_of, expire_links, forget_links
from coffer_sharing.handlers.link_visits import network_of
from factories.files import origin_of
from factories.limits import limiter_of
from factories.public_links import Doors, claims_of, token_of, verifier_of
from factories.sharing import Item, Sharing, told_of

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.fixture
async def doors(sharing: Sharing, tmp_path: Path) -> Doors:
    return Doors(sharing, verifier_of(sharing, tmp_path))


@pytest.fixture
async def folder(sharing: Sharing) -> Item:
    return await sharing.item("Plans")


@pytest.fixture
async def file(sharing: Sharing, folder: Item) -> Item:
    return await sharing.item("a.txt", folder, "file")


def refused(answer: Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def view(doors: Doors, link: dict[str, Any], **where: str) -> Response:
    async with doors.client(**where) as http:
        return await http.get(f"/v1/public/links/{token_of(link)}")


async def unlock(doors: Doors, link: dict[str, Any], password: str | None = None, **where: str) -> Response:
    async with doors.client(**where) as http:
        return await http.post(f"/v1/public/links/{token_of(link)}/unlock", json={"password": password})


async def tickets(doors: Doors, link: dict[str, Any], session: str, **body: Any) -> Response:
    async with doors.client(session) as http:
        return await http.post(f"/v1/public/links/{token_of(link)}/tickets", json=body)


async def owner_changes(doors: Doors, link: dict[str, Any], **fields: Any) -> None:
    async with doors.client(doors.sharing.owner.user_id) as http:
        assert (await http.patch(f"/v1/links/{link['id']}", json=fields)).status_code == 200


async def owner_looks(doors: Doors, link: dict[str, Any]) -> dict[str, Any]:
    async with doors.client(doors.sharing.owner.user_id) as http:
        found: dict[str, Any] = (await http.get(f"/v1/links/{link['id']}")).json()
    return found


async def about(sharing: Sharing, link: dict[str, Any], kind: str) -> list[Any]:
    facts = await sharing.facts()
    return [fact for fact in facts if fact.type == f"sharing.link.{kind}.v1" and fact.data.link_id == link["id"]]


async def test_whoever_has_the_address_sees_what_it_leads_to(doors: Doors, folder: Item) -> None:
    link = await doors.made(folder, mode="download", name="not for visitors")
    answer = await view(doors, link)
    assert answer.status_code == 200
    assert answer.json() == {
        "name": "Plans",
        "kind": "folder",
        "mode": "download",
        "needs_password": False,
        "owner": {"display_name": str(doors.sharing.owner.username).title()},
        "expires_at": None,
    }
    assert link["id"] not in answer.text
    assert folder.id not in answer.text


async def test_a_link_with_a_password_says_no_name_before(doors: Doors, folder: Item) -> None:
    link = await doors.made(folder, password="tulips")
    answer = await view(doors, link)
    assert (answer.json()["name"], answer.json()["needs_password"]) == (None, True)
    assert "Plans" not in answer.text
    assert (await unlock(doors, link, "tulips")).json()["name"] == "Plans"


async def test_a_session_is_a_signed_token_for_the_link_and_lives_fifteen_minutes(doors: Doors, folder: Item) -> None:
    sharing = doors.sharing
    link = await doors.made(folder, mode="edit")
    answer = await unlock(doors, link)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    body = answer.json()
    assert (body["item_id"], body["link_id"], body["kind"], body["mode"]) == (folder.id, link["id"], "folder", "edit")
    claims = claims_of(body["access_token"])
    assert (claims["iss"], claims["kind"], claims["sub"]) == ("coffer-sharing", "link", f"link/{link['id']}")
    assert (claims["jti"], claims["exp"] - claims["iat"]) == (claims["sid"], 900)
    assert claims["scopes"] == ["files:read", "files:write"]
    visitor = await doors.verifier.verify(body["access_token"])
    assert (visitor.kind, visitor.grantee, visitor.session_id) == ("link", f"link/{link['id']}", claims["sid"])
    other = (await unlock(doors, link)).json()["access_token"]
    assert claims_of(other)["sid"] != claims["sid"]
    assert body["expires_at"] == timestamp(sharing.clock.now() + timedelta(minutes=15))


async def test_a_session_ends_with_its_link_at_the_latest(doors: Doors, folder: Item) -> None:
    ends = doors.sharing.clock.now() + timedelta(minutes=5)
    link = await doors.made(folder, expires_at=timestamp(ends))
    assert claims_of(await doors.session(link))["exp"] == int(ends.timestamp())


@pytest.mark.parametrize("password", [None, "", "Tulips", "tulips ", "\ud800", "x" * 1000])
async def test_no_other_password_opens(doors: Doors, folder: Item, password: str | None) -> None:
    link = await doors.made(folder, password="tulips")
    if password == "\ud800":
        async with doors.client() as http:
            path = f"/v1/public/links/{token_of(link)}/unlock"
            answer = await http.post(path, content=b'{"password": "\\ud800"}', headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 401, 422}
        return
    refused(await unlock(doors, link, password), 401, "link_password_required")
    assert [fact.actorkind for fact in await about(doors.sharing, link, "unlock_failed")] == (
        [] if password is None else ["link"]
    )


async def test_a_password_is_the_same_in_every_normal_form(doors: Doors, folder: Item) -> None:
    link = await doors.made(folder, password="schönes Café")
    assert (await unlock(doors, link, "schönes Café")).status_code == 200


@pytest.mark.slow
async def test_passwords_are_tried_so_often_a_minute_whoever_tries_and_coming_in_without_is_not_counted(
    sharing: Sharing, tmp_path: Path, folder: Item
) -> None:
    doors = Doors(sharing, verifier_of(sharing, tmp_path), limiter_of(per_minute={"unlock": 3}))
    shut, open_ = await doors.made(folder, password="tulips"), await doors.made(folder)
    for number in range(3):
        answer = await unlock(doors, shut, "wrong", address=f"192.0.2.{number}")
        refused(answer, 401, "link_password_required")
        assert '"unlock"' in answer.headers["ratelimit"]
    late = await unlock(doors, shut, "tulips", address="198.51.100.9")
    refused(late, 429, "too_many_attempts")
    assert int(late.headers["retry-after"]) > 0
    refused(await unlock(doors, shut), 401, "link_password_required")
    for _ in range(5):
        assert (await unlock(doors, open_)).status_code == 200
    assert doors.sharing.deps.hashing.verifications == 3


GONE = ["unknown", "deleted", "disabled", "taken down", "trashed", "below the trash", "purged", "owner suspended"]


@pytest.mark.parametrize("how", GONE)
async def test_what_leads_nowhere_is_like_what_never_was(doors: Doors, folder: Item, how: str) -> None:
    sharing = doors.sharing
    item = await sharing.item("inner", folder)
    link = await doors.made(item, password="tulips", mode="download")
    session = await doors.session(link, "tulips")
    match how:
        case "unknown":
            link = link | {"url": link["url"][:-4] + "AAAA"}
        case "deleted":
            async with doors.client(sharing.owner.user_id) as http:
                await http.delete(f"/v1/links/{link['id']}")
        case "disabled":
            await owner_changes(doors, link, disabled=True)
        case "taken down":
            await sharing.rows(f"UPDATE links SET taken_down_at = now() WHERE id = '{link['id']}' RETURNING id")
        case "trashed":
            await sharing.handle(sharing.drive.trash(item))
        case "below the trash":
            await sharing.handle(sharing.drive.trash(folder))
        case "purged":
            await sharing.handle(*sharing.drive.purge(item))
        case "owner suspended":
            await sharing.handle(told_of(sharing.owner, sequence=2, status="suspended"))
    answers = [
        await view(doors, link),
        await unlock(doors, link, "tulips"),
        await tickets(doors, link, session, item_id=item.id),
    ]
    for answer in answers:
        refused(answer, 404, "not_found")
        assert answer.json()["detail"] == answers[0].json()["detail"]


@pytest.mark.parametrize("token", ["x", "a" * 5000, "%00", "..%2f..", "%F0%9F%8C%B7", "'%20OR%201=1", "%ED%A0%80", "a%2Fb"])
async def test_what_is_no_token_is_like_a_link_that_never_was(doors: Doors, folder: Item, token: str) -> None:
    link = await doors.made(folder, mode="download")
    session = await doors.session(link)
    async with doors.client(session) as http:
        for method, more, body in (("GET", "", None), ("POST", "/unlock", {}), ("POST", "/tickets", {"item_id": folder.id})):
            refused(await http.request(method, f"/v1/public/links/{token}{more}", json=body), 404, "not_found")
            longer = f"/v1/public/links/{token_of(link)}x{more}"
            refused(await http.request(method, longer, json=body), 404, "not_found")


async def test_a_link_whose_time_is_up_says_so_and_can_be_given_more(doors: Doors, folder: Item) -> None:
    sharing, clock = doors.sharing, doors.sharing.clock
    link = await doors.made(folder, expires_at=timestamp(clock.now() + timedelta(hours=1)))
    await expire_links(sharing.deps)
    clock.advance(hours=1)
    for answer in (await view(doors, link), await unlock(doors, link)):
        refused(answer, 410, "link_expired")
    assert (await owner_looks(doors, link))["state"] == "expired"
    for _ in range(2):
        await expire_links(sharing.deps)
    [off] = await about(sharing, link, "disabled")
    assert (off.data.reason, off.actorkind, off.revision) == ("expired", "system", 2)
    await owner_changes(doors, link, expires_at=None)
    assert (await view(doors, link)).status_code == 200
    grants = await sharing.facts(f"grant/{link['id']}")
    assert [fact.type.split(".")[2] for fact in grants] == ["set", "removed", "set"]


async def test_two_who_look_what_has_expired_tell_of_each_link_once(doors: Doors, folder: Item) -> None:
    sharing = doors.sharing
    ends = timestamp(sharing.clock.now() + timedelta(seconds=5))
    made = [await doors.made(folder, expires_at=ends) for _ in range(5)]
    sharing.clock.advance(seconds=5)
    counts = await asyncio.gather(*(expire_links(sharing.deps) for _ in range(3)))
    assert sum(counts) + await expire_links(sharing.deps) == 5
    for link in made:
        assert len(await about(sharing, link, "disabled")) == 1


async def test_a_ticket_is_for_the_session_the_file_and_one_minute(doors: Doors, folder: Item, file: Item) -> None:
    link = await doors.made(folder, mode="download", max_downloads=5)
    session = await doors.session(link)
    answer = await tickets(doors, link, session, item_id=file.id)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    body = answer.json()
    assert (body["use"], body["downloads_left"], len(body["tickets"])) == ("content", 4, 1)
    ticket = await doors.verifier.ticket(body["tickets"][0]["ticket"])
    assert (ticket.grantee, ticket.session_id) == (f"link/{link['id']}", claims_of(session)["sid"])
    assert (ticket.use, ticket.item_id, ticket.version_id) == ("content", file.id, None)
    assert ticket.expires_at == doors.sharing.clock.now() + timedelta(seconds=60)
    [fact] = await about(doors.sharing, link, "downloaded")
    assert (fact.actorid, fact.actorkind, fact.data.item_ids) == (link["id"], "link", (file.id,))
    assert (fact.data.downloads_count, fact.data.max_downloads_count, fact.data.network) == (1, 5, "192.0.2.0/24")
    assert (await owner_looks(doors, link))["downloads"] == 1
    assert (await owner_looks(doors, link))["etag"] == link["etag"]


async def test_several_files_are_several_tickets_and_an_archive_is_one(doors: Doors, folder: Item, file: Item) -> None:
    other = await doors.sharing.item("b.txt", folder, "file")
    link = await doors.made(folder, mode="download")
    session = await doors.session(link)
    both = (await tickets(doors, link, session, item_ids=[file.id, other.id, file.id])).json()
    assert [one["item_id"] for one in both["tickets"]] == [file.id, other.id]
    archive = (await tickets(doors, link, session, item_ids=[file.id, other.id], use="archive")).json()
    assert [one["item_id"] for one in archive["tickets"]] == [folder.id]
    alone = (await tickets(doors, link, session, item_id=file.id, use="archive")).json()
    assert [one["item_id"] for one in alone["tickets"]] == [file.id]
    assert (await owner_looks(doors, link))["downloads"] == 4
    refused(await tickets(doors, link, session, item_id=folder.id), 409, "kind_conflict")
    old = (await tickets(doors, link, session, item_id=file.id, version_id=new_id())).json()
    assert "version_id" in claims_of(old["tickets"][0]["ticket"])


@pytest.mark.parametrize("mode", ["view", "upload_only"])
async def test_a_link_to_look_at_gives_no_bytes(doors: Doors, folder: Item, file: Item, mode: str) -> None:
    link = await doors.made(folder, mode=mode)
    refused(await tickets(doors, link, await doors.session(link), item_id=file.id), 403, "forbidden")
    assert (await owner_looks(doors, link))["downloads"] == 0


BAD: list[dict[str, Any]] = [
    {},
    {"item_id": new_id(), "item_ids": [new_id()]},
    {"item_ids": []},
    {"item_ids": [new_id()] * 101},
    {"item_id": "root"},
    {"item_id": new_id(), "use": "everything"},
    {"item_id": new_id(), "use": "archive", "version_id": new_id()},
    {"item_ids": [new_id()], "version_id": new_id()},
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: "-".join(body) or "nothing")
async def test_a_request_for_tickets_that_says_nothing_clear_is_refused(
    doors: Doors, folder: Item, body: dict[str, Any]
) -> None:
    link = await doors.made(folder, mode="download")
    refused(await tickets(doors, link, await doors.session(link), **body), 422, "validation_failed")


async def test_tickets_are_for_what_lies_below_the_link_and_for_its_own_sessions(
    doors: Doors, folder: Item, file: Item
) -> None:
    sharing = doors.sharing
    beside, gone = await sharing.item("beside.txt", kind="file"), await sharing.item("gone.txt", folder, "file")
    await sharing.handle(sharing.drive.trash(gone))
    link, other = await doors.made(folder, mode="download"), await doors.made(folder, mode="download")
    session, others = await doors.session(link), await doors.session(other)
    for item_id in (beside.id, gone.id, sharing.root.id, str(new_id())):
        for use in ("content", "archive"):
            refused(await tickets(doors, link, session, item_id=item_id, use=use), 404, "not_found")
    refused(await tickets(doors, link, session, item_ids=[file.id, beside.id]), 404, "not_found")
    refused(await tickets(doors, link, others, item_id=file.id), 404, "not_found")
    refused(await tickets(doors, link, sharing.owner.user_id, item_id=file.id), 404, "not_found")
    refused(await tickets(doors, link, f"{session[:-4]}AAAA", item_id=file.id), 401, "unauthenticated")
    async with doors.client() as http:
        answer = await http.post(f"/v1/public/links/{token_of(link)}/tickets", json={"item_id": file.id})
    refused(answer, 401, "unauthenticated")
    assert (await owner_looks(doors, link))["downloads"] == 0
    moved = sharing.drive.change(file, parent=sharing.root)
    await sharing.handle(moved)
    refused(await tickets(doors, link, session, item_id=file.id), 404, "not_found")


@pytest.mark.slow
async def test_a_hundred_at_once_get_as_many_tickets_as_the_link_allows(doors: Doors, folder: Item, file: Item) -> None:
    link = await doors.made(folder, mode="download", max_downloads=10)
    sessions = [await doors.session(link) for _ in range(5)]
    asked = [tickets(doors, link, sessions[number % 5], item_id=file.id) for number in range(100)]
    answers = await asyncio.gather(*asked)
    assert Counter(answer.status_code for answer in answers) == {201: 10, 410: 90}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 410} == {"link_exhausted"}
    given = [answer.json()["tickets"][0]["ticket"] for answer in answers if answer.status_code == 201]
    assert len({claims_of(ticket)["jti"] for ticket in given}) == 10
    found = await owner_looks(doors, link)
    assert (found["downloads"], found["state"]) == (10, "exhausted")
    assert sorted(fact.data.downloads_count for fact in await about(doors.sharing, link, "downloaded")) == [*range(1, 11)]
    for answer in (await view(doors, link), await unlock(doors, link)):
        refused(answer, 410, "link_exhausted")
    await owner_changes(doors, link, max_downloads=11)
    assert (await tickets(doors, link, sessions[0], item_id=file.id)).status_code == 201


async def test_more_than_are_left_are_not_given_at_all(doors: Doors, folder: Item, file: Item) -> None:
    other = await doors.sharing.item("b.txt", folder, "file")
    link = await doors.made(folder, mode="download", max_downloads=3)
    session = await doors.session(link)
    assert (await tickets(doors, link, session, item_ids=[file.id, other.id])).json()["downloads_left"] == 1
    refused(await tickets(doors, link, session, item_ids=[file.id, other.id]), 410, "link_exhausted")
    assert (await tickets(doors, link, session, item_id=file.id)).json()["downloads_left"] == 0


@pytest.mark.parametrize("change", [{"password": "crocus"}, {"password": None}, {"disabled": True}])
async def test_another_password_and_shutting_end_the_sessions_of_before(
    doors: Doors, folder: Item, file: Item, change: dict[str, Any]
) -> None:
    sharing = doors.sharing
    link = await doors.made(folder, mode="download", password="tulips")
    before = await doors.session(link, "tulips")
    await owner_changes(doors, link, name="nothing to do with it")
    assert (await tickets(doors, link, before, item_id=file.id)).status_code == 201
    await owner_changes(doors, link, **change)
    if "disabled" in change:
        await owner_changes(doors, link, disabled=False)
    refused(await tickets(doors, link, before, item_id=file.id), 401, "unauthenticated")
    after = await doors.session(link, change.get("password", "tulips"))
    assert (await tickets(doors, link, after, item_id=file.id)).status_code == 201
    facts = await sharing.facts()
    [ended] = [fact for fact in facts if fact.type.startswith("sharing.link.sessions_") and fact.data.link_id == link["id"]]
    assert ended.data.family_id == claims_of(before)["fam"] != claims_of(after)["fam"]
    assert ended.data.tokens_expire_at.timestamp() > claims_of(before)["exp"]
    # What every service does that hears of it.
    sharing.deps.denied.revocations.add(ended.data.family_id, ended.data.tokens_expire_at)
    with pytest.raises(Unauthenticated):
        await doors.verifier.verify(before)
    await doors.verifier.verify(after)


@pytest.mark.parametrize(
    ("change", "code"), [({"password": "crocus"}, "link_password_required"), ({"disabled": True}, "not_found")]
)
async def test_a_password_that_is_changed_while_it_is_compared_opens_nothing(
    doors: Doors, folder: Item, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], code: str
) -> None:
    link = await doors.made(folder, password="tulips")
    compare = doors.sharing.deps.hashing.verify

    async def slowly(password: str, hashed: str | None) -> bool:
        fits = await compare(password, hashed)
        await owner_changes(doors, link, **change)
        return fits

    monkeypatch.setattr(doors.sharing.deps.hashing, "verify", slowly)
    assert (await unlock(doors, link, "tulips")).json()["code"] == code


async def test_a_change_between_look_and_count_is_seen_by_the_count(
    doors: Doors, folder: Item, file: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner shuts the link, changes its password, mode or end, while a visitor's request is under way."""
    ends = timestamp(doors.sharing.clock.now() + timedelta(hours=1))
    for change, code in (
        ({"password": "crocus"}, "unauthenticated"),
        ({"disabled": True}, "not_found"),
        ({"mode": "view"}, "forbidden"),
        ({"max_downloads": 1}, "link_exhausted"),
    ):
        link = await doors.made(folder, mode="download", password="tulips", expires_at=ends)
        session = await doors.session(link, "tulips")
        await tickets(doors, link, session, item_id=file.id)
        counted = link_tickets._count

        async def late(*args: Any, change: dict[str, Any] = change, link: dict[str, Any] = link, counted: Any = counted) -> Any:
            await owner_changes(doors, link, **change)
            return await counted(*args)

        monkeypatch.setattr(link_tickets, "_count", late)
        answer = await tickets(doors, link, session, item_id=file.id)
        monkeypatch.setattr(link_tickets, "_count", counted)
        assert answer.json()["code"] == code, change
        assert (await owner_looks(doors, link))["downloads"] == 1


async def test_a_visit_costs_as_many_statements_however_much_there_is(doors: Doors, folder: Item, file: Item) -> None:
    sharing = doors.sharing
    link = await doors.made(folder, mode="download")
    session = await doors.session(link)
    for _ in range(3):
        await doors.made(folder)
        await tickets(doors, link, session, item_id=file.id)

    async def cost(asked: Any) -> int:
        sharing.statements.clear()
        assert (await asked).status_code in {200, 201}
        return len(sharing.statements)

    # The link, where it leads, whose it is; the visit; and its fact if it is the first of the minute.
    assert [await cost(view(doors, link)) for _ in range(2)] == [5, 4]
    assert await cost(unlock(doors, link)) == 5
    # The same, and where the files lie, the count, and the fact.
    assert await cost(tickets(doors, link, session, item_id=file.id)) == 7


async def test_what_visitors_do_is_listed_by_the_minute_without_their_addresses(doors: Doors, folder: Item, file: Item) -> None:
    sharing = doors.sharing
    link = await doors.made(folder, mode="download", password="tulips")
    for address in ("192.0.2.7", "192.0.2.8", "2001:db8:1:2::3", "2001:db8:1:9::3"):
        await view(doors, link, address=address, agent=BROWSER)
    sharing.clock.advance(minutes=1)
    await unlock(doors, link, "wrong", agent=BROWSER)
    sharing.clock.advance(seconds=1)
    await unlock(doors, link, "tulips", agent=BROWSER)
    sharing.clock.advance(seconds=1)
    await tickets(doors, link, await doors.session(link, "tulips"), item_id=file.id)
    async with doors.client(sharing.owner.user_id) as http:
        page = (await http.get(f"/v1/links/{link['id']}/accesses")).json()
        first = (await http.get(f"/v1/links/{link['id']}/accesses", params={"limit": 3})).json()
        rest = await http.get(f"/v1/links/{link['id']}/accesses", params={"limit": 3, "cursor": first["next_cursor"]})
    listed = [(one["action"], one["network"], one["program"], one["times"]) for one in page["items"]]
    assert sorted(listed[:2]) == [("downloaded", "192.0.2.0/24", "script", 1), ("unlocked", "192.0.2.0/24", "script", 1)]
    assert listed[2:4] == [("unlocked", "192.0.2.0/24", "browser", 1), ("unlock_failed", "192.0.2.0/24", "browser", 1)]
    assert sorted(listed[4:]) == [("viewed", "192.0.2.0/24", "browser", 2), ("viewed", "2001:db8:1::/48", "browser", 2)]
    assert [one["at"] for one in first["items"] + rest.json()["items"]] == [one["at"] for one in page["items"]]
    assert Counter([len(await about(sharing, link, kind)) for kind in ("viewed", "unlocked", "unlock_failed")]) == {2: 2, 1: 1}
    for (row,) in await sharing.rows("SELECT to_jsonb(link_accesses)::text FROM link_accesses"):
        assert "192.0.2.7" not in row
        assert "Gecko" not in row


async def test_what_visitors_did_is_forgotten_in_time(doors: Doors, folder: Item) -> None:
    sharing = doors.sharing
    link = await doors.made(folder)
    await view(doors, link)
    sharing.clock.advance(days=89)
    await view(doors, link)
    assert await forget_links(sharing.deps) == (0, 0)
    sharing.clock.advance(days=2)
    visits, _ = await forget_links(sharing.deps)
    assert visits >= 1
    left = await sharing.rows(f"SELECT 1 FROM link_accesses WHERE link_id = '{link['id']}'")
    assert len(left) == 1
    async with doors.client(sharing.owner.user_id) as http:
        await http.delete(f"/v1/links/{link['id']}")
    sharing.clock.advance(days=401)
    await forget_links(sharing.deps)
    assert await sharing.rows(f"SELECT 1 FROM links WHERE id = '{link['id']}'") == []


async def test_an_item_that_goes_while_a_link_is_made_takes_it_along(doors: Doors, folder: Item) -> None:
    sharing = doors.sharing
    link = await doors.made(folder)
    async with sharing.deps.work.unit(origin_of(sharing.owner)) as unit:
        await end_links_of(unit, folder.id)
    [off] = await about(sharing, link, "disabled")
    assert off.data.reason == "item_purged"
    made, gone = await asyncio.gather(doors.made(folder), sharing.handle(*sharing.drive.purge(folder)), return_exceptions=True)
    assert gone is None
    left = await sharing.rows(f"SELECT 1 FROM links WHERE item_id = '{folder.id}' AND ended_at IS NULL")
    assert left == [], made


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:a:b::1", "2001:db8:a::/48"), (None, None)],
)
def test_of_an_address_only_the_network_is_kept(address: str | None, network: str | None) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("agent", "program"),
    [
        (BROWSER, "browser"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", "mobile"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot"),
        ("WhatsApp/2.24", "bot"),
        ("curl/8.5.0", "script"),
        ("python-requests/2.32", "script"),
        ("something else", "other"),
        ("", "other"),
        (None, "other"),
    ],
)
def test_of_an_agent_only_its_kind_is_kept(agent: str | None, program: str) -> None:
    assert program_of(agent) == program


async def test_the_keys_of_sessions_are_published(doors: Doors, folder: Item) -> None:
    link = await doors.made(folder)
    await doors.session(link)
    async with doors.client() as http:
        answer = await http.get("/v1/shares/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert [key["alg"] for key in answer.json()["keys"]] == ["EdDSA"]
    assert "d" not in answer.json()["keys"][0]
