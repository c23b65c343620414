"""Single shares over HTTP, with everything that can go wrong."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import Response

from coffer_chassis.answers import timestamp
from factories.files import person
from factories.sharing import Item, Sharing, id_made


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


def wanted(item: Item, *people: Any, **more: Any) -> dict[str, Any]:
    return {"item_id": item.id, "recipients": [{"user_id": one.user_id} for one in people], "role": "viewer", **more}


def named(somebody: Any) -> dict[str, Any]:
    return {
        "id": somebody.user_id,
        "username": somebody.username,
        "display_name": str(somebody.username).title(),
    }


async def test_a_share_has_everything_a_client_needs(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item("Holiday")
    ends = timestamp(sharing.clock.now() + timedelta(days=3))
    async with sharing.client() as http, sharing.client(ann) as hers:
        answer = await http.post("/v1/shares", json=wanted(folder, ann, role="editor", message="Look", expires_at=ends))
        assert answer.status_code == 201, answer.text
        [share] = answer.json()["shares"]
        assert share == {
            "id": share["id"],
            "item": {"id": folder.id, "kind": "folder", "name": "Holiday", "owner": named(sharing.owner)},
            "recipient": named(ann),
            "granted_by": named(sharing.owner),
            "role": "editor",
            "permissions": {"read": True, "write": True, "delete": True, "share": False},
            "message": "Look",
            "expires_at": ends,
            "created_at": "2026-11-20T12:00:00.000Z",
            "changed_at": "2026-11-20T12:00:00.000Z",
            "etag": share["etag"],
        }
        for client in (http, hers):
            seen = await client.get(f"/v1/shares/{share['id'].upper()}")
            assert seen.json() == share
            assert seen.headers["etag"] == share["etag"]
            known = await client.get(f"/v1/shares/{share['id']}", headers={"If-None-Match": share["etag"]})
            assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"item_id": "root"}, "/item_id", "wrong_pattern"),
        ({"item_id": None}, "/item_id", "string_type"),
        ({"recipients": []}, "/recipients", "too_few"),
        ({"recipients": [{"username": "x"}] * 51}, "/recipients", "too_many"),
        ({"recipients": [{}]}, "/recipients/0", "one_of"),
        ({"recipients": [{"user_id": id_made(), "username": "x"}]}, "/recipients/0", "one_of"),
        ({"recipients": [{"email": "a@example.org", "username": "x"}]}, "/recipients/0", "one_of"),
        ({"recipients": [{"email": "nobody"}]}, "/recipients/0/email", "email"),
        ({"recipients": [{"email": ""}]}, "/recipients/0/email", "email"),
        ({"recipients": [{"email": "x" * 321}]}, "/recipients/0/email", "too_long"),
        ({"recipients": [{"email": "a@example.org"}, {"email": "A@Example.ORG"}]}, "/recipients/1", "duplicate"),
        ({"recipients": [{"user_id": "me"}]}, "/recipients/0/user_id", "wrong_pattern"),
        ({"recipients": [{"username": "x" * 257}]}, "/recipients/0/username", "too_long"),
        ({"recipients": [{"username": ""}]}, "/recipients/0", "unknown_person"),
        ({"recipients": [{"username": "a\x00b"}]}, "/recipients/0/username", "nul_character"),
        ({"role": "owner"}, "/role", "not_allowed"),
        ({"role": None}, "/role", "not_allowed"),
        ({"message": "x" * 2001}, "/message", "too_long"),
        ({"expires_at": "2026-11-20T12:00:00Z"}, "/expires_at", "not_in_future"),
        ({"expires_at": "2027-01-01T00:00:00"}, "/expires_at", "timezone_aware"),
        ({"expires_at": "9999-12-31T23:59:59Z"}, "/expires_at", "out_of_range"),
        ({"notify": "yes"}, "/notify", "bool_type"),
        ({"colour": "red"}, "/colour", "unknown_field"),
    ],
)
async def test_a_body_that_breaks_a_rule_is_refused_where_it_does(
    sharing: Sharing, change: dict[str, Any], pointer: str, code: str
) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    async with sharing.client() as http:
        told = refused(await http.post("/v1/shares", json=wanted(folder, ann) | change), 422, "validation_failed")
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in told["errors"]]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null", b'{"message":"\xff"}', b'{"message":"\\ud800"}'])
async def test_what_is_no_request_is_refused(sharing: Sharing, body: bytes) -> None:
    async with sharing.client() as http:
        answer = await http.post("/v1/shares", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, answer.text
        assert answer.json()["code"] in {"malformed_request", "validation_failed"}


async def test_the_longest_message_of_the_widest_letters_is_shared_and_told(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item("\U0001f5c2" * 63)
    async with sharing.client() as http:
        answer = await http.post("/v1/shares", json=wanted(folder, ann, message="\U0001f600" * 2000))
        assert answer.status_code == 201, answer.text
        assert answer.json()["shares"][0]["message"] == "\U0001f600" * 2000


async def test_people_in_the_way_are_pointed_at(sharing: Sharing) -> None:
    ann, bob, folder = await sharing.person(), await sharing.person(), await sharing.item()
    async with sharing.client() as http:
        recipients = [
            {"username": ann.username},
            {"username": "nobody"},
            {"user_id": sharing.owner.user_id},
            {"user_id": ann.user_id},
        ]
        body = wanted(folder) | {"recipients": recipients}
        told = refused(await http.post("/v1/shares", json=body), 422, "validation_failed")
        assert [(error["pointer"], error["code"], error["in"]) for error in told["errors"]] == [
            ("/recipients/1", "unknown_person", "body"),
            ("/recipients/2", "yourself", "body"),
            ("/recipients/3", "duplicate", "body"),
        ]
        first = (await http.post("/v1/shares", json=wanted(folder, ann))).json()["shares"][0]
        told = refused(await http.post("/v1/shares", json=wanted(folder, bob, ann)), 409, "already_shared")
        assert told["existing"] == {"id": first["id"], "recipient_id": ann.user_id}
        assert [error["pointer"] for error in told["errors"]] == ["/recipients/1"]


async def test_what_may_not_be_shared_is_refused_with_the_reason(sharing: Sharing) -> None:
    ann, bob, stranger = await sharing.person(), await sharing.person(), await sharing.person()
    folder, trashed = await sharing.item(), await sharing.item()
    await sharing.share(folder, ann, role="editor")
    await sharing.handle(sharing.drive.trash(trashed))
    async with sharing.client() as http, sharing.client(ann) as hers, sharing.client(stranger) as theirs:
        refused(await http.post("/v1/shares", json=wanted(sharing.root, ann)), 409, "state_conflict")
        refused(await http.post("/v1/shares", json=wanted(trashed, ann)), 409, "state_conflict")
        refused(await hers.post("/v1/shares", json=wanted(folder, bob)), 403, "forbidden")
        unseen = [
            await theirs.post("/v1/shares", json=wanted(folder, bob)),
            await hers.post("/v1/shares", json=wanted(trashed, bob)),
            await http.post("/v1/shares", json=wanted(folder, bob) | {"item_id": id_made()}),
        ]
        told = [refused(answer, 404, "not_found") for answer in unseen]
        assert len({(one["title"], one["detail"], one["type"]) for one in told}) == 1


async def test_a_repeated_request_is_answered_again(sharing: Sharing) -> None:
    ann, bob, folder = await sharing.person(), await sharing.person(), await sharing.item()
    key = {"Idempotency-Key": '"a-key"'}
    async with sharing.client() as http:
        first = await http.post("/v1/shares", json=wanted(folder, ann), headers=key)
        again = await http.post("/v1/shares", json=wanted(folder, ann), headers=key)
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        refused(await http.post("/v1/shares", json=wanted(folder, bob), headers=key), 422, "idempotency_key_reuse")
        refused(
            await http.post("/v1/shares", json=wanted(folder, bob), headers={"Idempotency-Key": ""}), 400, "malformed_request"
        )


async def test_a_share_is_changed_under_its_tag(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    [shown] = await sharing.share(folder, ann)
    path, ends = f"/v1/shares/{shown.share.id}", timestamp(sharing.clock.now() + timedelta(days=3))
    async with sharing.client() as http, sharing.client(ann) as hers:
        answer = await http.patch(path, json={"role": "editor", "expires_at": ends}, headers={"If-Match": shown.etag})
        assert answer.status_code == 200, answer.text
        changed = answer.json()
        assert (changed["role"], changed["expires_at"], changed["permissions"]["write"]) == ("editor", ends, True)
        assert changed["etag"] == answer.headers["etag"] != shown.etag
        told = refused(
            await http.patch(path, json={"role": "viewer"}, headers={"If-Match": shown.etag}), 412, "precondition_failed"
        )
        assert told["current_etag"] == changed["etag"]
        assert (await http.patch(path, json={})).json() == changed
        assert (await http.patch(path, json={"role": "editor"})).json() == changed
        assert (await http.patch(path, json={"expires_at": None})).json()["expires_at"] is None
        refused(await http.patch(path, json={"role": "owner"}), 422, "validation_failed")
        refused(await http.patch(path, json={"message": "x"}), 422, "validation_failed")
        refused(await http.patch(path, json={"expires_at": "2026-11-20T11:59:59Z"}), 422, "validation_failed")
        refused(await http.patch(path, json={"role": "viewer"}, headers={"If-Match": "unquoted"}), 400, "malformed_request")
        refused(await hers.patch(path, json={"role": "editor"}), 403, "forbidden")


async def test_a_share_is_revoked_and_left(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    async with sharing.client() as http, sharing.client(ann) as hers:
        [shown] = await sharing.share(folder, ann)
        path = f"/v1/shares/{shown.share.id}"
        refused(await hers.delete(path), 403, "forbidden")
        refused(await http.post(f"{path}/leave"), 403, "forbidden")
        refused(await http.delete(path, headers={"If-Match": '"old"'}), 412, "precondition_failed")
        assert (await http.delete(path, headers={"If-Match": shown.etag})).status_code == 204
        assert (await http.delete(path)).status_code == 204
        for answer in (await http.get(path), await hers.get(path), await hers.delete(path), await hers.post(f"{path}/leave")):
            refused(answer, 404, "not_found")
        [shown] = await sharing.share(folder, ann)
        path = f"/v1/shares/{shown.share.id}"
        assert (await hers.post(f"{path}/leave")).status_code == 204
        assert (await hers.post(f"{path}/leave")).status_code == 204
        refused(await hers.get(path), 404, "not_found")


async def test_what_is_not_there_and_what_is_not_for_you_are_the_same_answer(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    [shown] = await sharing.share(folder, ann)
    async with sharing.client(person(id_made())) as stranger:

        async def answers(share_id: str) -> Any:
            path = f"/v1/shares/{share_id}"
            yield await stranger.get(path)
            yield await stranger.patch(path, json={"role": "editor"})
            yield await stranger.delete(path)
            yield await stranger.post(f"{path}/leave")

        told = [
            {name: refused(answer, 404, "not_found")[name] for name in ("title", "detail", "type")}
            for share_id in (shown.share.id, id_made(), "nonsense", "root")
            async for answer in answers(share_id)
        ]
        assert all(one == told[0] for one in told)


async def test_a_share_is_told_with_the_place_and_the_session_it_was_made_from(sharing: Sharing) -> None:
    """For the audit; what the recipient and the owner are shown has no addresses."""
    ann, folder = await sharing.person(), await sharing.item("Holiday")
    async with sharing.client() as http:
        answer = await http.post("/v1/shares", json=wanted(folder, ann), headers={"User-Agent": "curl/8.5.0"})
        [share] = answer.json()["shares"]
        assert (await http.delete(f"/v1/shares/{share['id']}", headers={"User-Agent": "wget"})).status_code == 204
    told = [fact.data for fact in await sharing.facts(f"share/{share['id']}")]
    assert [(fact.address, fact.agent) for fact in told] == [("127.0.0.1", "curl/8.5.0"), ("127.0.0.1", "wget")]
    assert all(fact.actor_session_id for fact in told)
    assert "127.0.0.1" not in answer.text
    grants = [fact.data for fact in await sharing.facts(f"grant/{share['id']}")]
    assert all("address" not in type(fact).model_fields for fact in grants)
