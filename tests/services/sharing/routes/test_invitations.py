"""Invitations over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient, Response

from coffer_chassis.answers import timestamp
from coffer_chassis.idempotency import claim
from factories.sharing import Sharing, id_made


def address() -> str:
    return f"maria.{id_made()[-12:]}@example.org"


def refused(answer: Response, status: int, code: str) -> Any:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return answer.json()


async def ask(http: AsyncClient, path: str, **query: Any) -> Any:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_invitation_has_everything_a_client_needs(sharing: Sharing) -> None:
    to, ann, folder = address(), await sharing.person(), await sharing.item("Holiday")
    owner = {
        "id": sharing.owner.user_id,
        "username": sharing.owner.username,
        "display_name": str(sharing.owner.username).title(),
    }
    body = {"item_id": folder.id, "recipients": [{"email": to}, {"user_id": ann.user_id}], "role": "remover", "message": "Look"}
    async with sharing.client() as http:
        answer = await http.post("/v1/shares", json=body)
        assert answer.status_code == 201, answer.text
        [share], [invited] = answer.json()["shares"], answer.json()["invitations"]
        assert (share["recipient"]["id"], share["role"]) == (ann.user_id, "remover")
        assert invited == {
            "id": invited["id"],
            "state": "pending",
            "item": {"id": folder.id, "kind": "folder", "name": "Holiday", "owner": owner},
            "email": to,
            "granted_by": owner,
            "role": "remover",
            "permissions": {"read": True, "write": False, "delete": True, "share": False},
            "message": "Look",
            "expires_at": None,
            "lapses_at": timestamp(sharing.clock.now() + timedelta(days=30)),
            "created_at": "2026-11-20T12:00:00.000Z",
            "changed_at": "2026-11-20T12:00:00.000Z",
            "share_id": None,
            "etag": invited["etag"],
        }
        path = f"/v1/shares/invitations/{invited['id']}"
        assert await ask(http, path) == invited
        assert (await http.get(path, headers={"If-None-Match": invited["etag"]})).status_code == 304
        assert await ask(http, "/v1/shares/invitations") == {"items": [invited], "next_cursor": None}
        other = await sharing.item("Other")
        assert (await ask(http, "/v1/shares/invitations", item_id=other.id))["items"] == []
        changed = await http.patch(path, json={"role": "editor"}, headers={"If-Match": invited["etag"]})
        assert (changed.status_code, changed.json()["role"]) == (200, "editor")
        refused(
            await http.patch(path, json={"role": "viewer"}, headers={"If-Match": invited["etag"]}), 412, "precondition_failed"
        )
        await sharing.person(email=to)
        await sharing.settle_all()
        accepted = await ask(http, path)
        assert (accepted["state"], accepted["share_id"], accepted["email"]) == ("accepted", invited["id"], None)
        assert (await ask(http, f"/v1/shares/{invited['id']}"))["role"] == "editor"
        assert (await ask(http, "/v1/shares/invitations"))["items"] == []
        assert refused(await http.patch(path, json={"role": "viewer"}), 409, "state_conflict")["share_id"] == invited["id"]
        for _ in range(2):
            assert (await http.delete(path)).status_code == 204
        refused(await http.get(f"/v1/shares/{invited['id']}"), 404, "not_found")


async def test_a_request_that_is_repeated_is_told_how_its_invitation_stands(sharing: Sharing) -> None:
    folder, key = await sharing.item(), {"Idempotency-Key": id_made()}
    body = {"item_id": folder.id, "recipients": [{"email": address()}], "role": "viewer"}
    async with sharing.client() as http:
        [made] = (await http.post("/v1/shares", json=body, headers=key)).json()["invitations"]
        assert (await http.delete(f"/v1/shares/invitations/{made['id']}")).status_code == 204
        again = await http.post("/v1/shares", json=body, headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    [ended] = again.json()["invitations"]
    assert (ended["id"], ended["state"], ended["email"], ended["share_id"]) == (made["id"], "ended", None, None)


async def test_a_key_is_for_one_address_and_leaves_nothing_to_try_addresses_on(sharing: Sharing) -> None:
    folder, to = await sharing.item(), address()
    body = {"item_id": folder.id, "recipients": [{"email": to}], "role": "viewer"}
    key = f"k{id_made()}"
    async with sharing.client() as http:
        headers = {"Idempotency-Key": key}
        assert (await http.post("/v1/shares", json=body, headers=headers)).status_code == 201
        other = body | {"recipients": [{"email": address()}]}
        refused(await http.post("/v1/shares", json=other, headers=headers), 422, "idempotency_key_reuse")
    [(kept,)] = await sharing.rows(f"SELECT to_jsonb(idempotency_keys) FROM idempotency_keys WHERE key = '{key}'")
    nobody: dict[str, Any] = {"user_id": None, "username": None, "email": to}
    asked = body | {"recipients": [nobody], "message": None, "expires_at": None, "notify": True}
    tried = claim(key, principal=sharing.owner.grantee, route="POST /v1/shares", body=asked)
    assert tried is not None
    assert tried.fingerprint not in kept.values()
    asked["recipients"] = [nobody | {"email": sharing.deps.addresses.key_of(to).hex()}]
    known = claim(key, principal=sharing.owner.grantee, route="POST /v1/shares", body=asked)
    assert known is not None
    assert known.fingerprint in kept.values()


async def test_a_list_is_paged_without_gaps(sharing: Sharing) -> None:
    for number in range(5):
        sharing.clock.advance(seconds=number % 2)
        await sharing.invite(await sharing.item(f"f{number}"), address())
    async with sharing.client() as http:
        whole = (await ask(http, "/v1/shares/invitations"))["items"]
        seen, query = [], {"limit": 2}
        while True:
            page = await ask(http, "/v1/shares/invitations", **query)
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert len(seen) == 5
        assert seen == whole
        async with sharing.client(await sharing.person()) as other:
            refused(await other.get("/v1/shares/invitations", params=query), 400, "cursor_invalid")


async def test_a_page_costs_as_many_statements_as_one_entry(sharing: Sharing) -> None:
    folder = await sharing.item()
    async with sharing.client() as http:
        costs = []
        for count in (1, 20):
            await sharing.invite(folder, *(address() for _ in range(count)))
            sharing.statements.clear()
            await ask(http, "/v1/shares/invitations")
            costs.append(len(sharing.statements))
    assert costs[0] == costs[1]


async def test_what_was_taken_back_is_gone_and_a_strangers_is_none(sharing: Sharing) -> None:
    [shown] = await sharing.invite(await sharing.item(), address())
    path = f"/v1/shares/invitations/{shown.invitation.id}"
    async with sharing.client() as http, sharing.client(await sharing.person()) as stranger:
        for method in ("GET", "PATCH", "DELETE"):
            body: dict[str, Any] = {"json": {"role": "editor"}} if method == "PATCH" else {}
            refused(await stranger.request(method, path, **body), 404, "not_found")
        assert (await http.delete(path)).status_code == 204
        refused(await http.get(path), 404, "not_found")
        refused(await http.patch(path, json={"role": "editor"}), 404, "not_found")
        assert (await http.delete(path)).status_code == 204
        refused(await http.get("/v1/shares/invitations/none"), 404, "not_found")


@pytest.mark.parametrize(
    "email",
    ["a b@example.org", "a@b@c.org", "@example.org", "a@", "a\r\nBcc: x@example.org", "a@-bad-.org", "a" * 250 + "@x.org"],
)
async def test_what_is_no_address_is_refused_and_says_so(sharing: Sharing, email: str) -> None:
    folder = await sharing.item()
    async with sharing.client() as http:
        body = {"item_id": folder.id, "recipients": [{"email": address()}, {"email": email}], "role": "viewer"}
        told = refused(await http.post("/v1/shares", json=body), 422, "validation_failed")
        assert [error["pointer"] for error in told["errors"]] == ["/recipients/1/email"]
        assert (await ask(http, "/v1/shares/invitations", item_id=folder.id))["items"] == []
