"""Somebody without an account is invited by e-mail, makes one, proves the address, and sees what was shared."""

from typing import Any

import httpx
import pytest

from coffer_chassis.testing import eventually
from factories.accounts import NO_TLS
from factories.mailbox import Letters, coffer_with_mail, letter_with, link, token_of

pytestmark = pytest.mark.slow

PASSWORD = "four quiet otters"
WITHIN_SECONDS = 30


async def joined(http: httpx.AsyncClient, letters: Letters, name: str, address: str) -> dict[str, str]:
    """Register and prove the address; the headers of that person's requests."""
    body = {"username": name, "email": address, "password": PASSWORD}
    assert (await http.post("/v1/auth/register", json=body)).status_code == 201
    headers = {"Authorization": f"Bearer {await token_of(http, name, PASSWORD)}"}
    listed = await http.get("/v1/shares/with-me", headers=headers)
    assert listed.json()["items"] == [], "a claim proves nothing"
    secret = await link(letters, "/app/verify", address)
    assert (await http.post("/v1/auth/verify-email", json={"token": secret})).status_code == 200
    return headers


async def test_an_invitation_goes_out_by_mail_and_becomes_a_share() -> None:
    async with coffer_with_mail() as (letters, url), httpx.AsyncClient(base_url=url, verify=NO_TLS, timeout=30) as http:
        ana = await joined(http, letters, "ana", "ana@example.org")
        folder = (await http.post("/v1/folders", json={"parent_id": "root", "name": "Holiday"}, headers=ana)).json()["id"]
        to = ["ben@example.org", "cleo@example.org"]
        body = {"item_id": folder, "recipients": [{"email": one} for one in to], "role": "editor", "message": "Look"}

        async def known() -> bool:
            return (await http.get("/v1/links", params={"item_id": folder}, headers=ana)).status_code == 200

        assert await eventually(known, within_seconds=WITHIN_SECONDS)
        answer = await http.post("/v1/shares", json=body, headers=ana)
        assert answer.status_code == 201, answer.text
        made = answer.json()["invitations"]
        assert [(one["email"], one["state"]) for one in made] == [(one, "pending") for one in to]
        [letter] = await letter_with(letters, "ben@example.org")
        assert "Holiday" in letter["BodyText"]
        assert "/app/register" in letter["BodyText"]

        ben = await joined(http, letters, "ben", "Ben@example.org")

        async def shared() -> list[Any]:
            found: list[Any] = (await http.get("/v1/shares/with-me", headers=ben)).json()["items"]
            return found

        [share] = await eventually(shared, within_seconds=WITHIN_SECONDS)
        assert (share["id"], share["item"]["name"], share["message"]) == (made[0]["id"], "Holiday", "Look")

        async def may_write() -> bool:
            inner = {"parent_id": folder, "name": "From Ben"}
            return (await http.post("/v1/folders", json=inner, headers=ben)).status_code in {201, 409}

        assert await eventually(may_write, within_seconds=WITHIN_SECONDS)

        for one in made:
            assert (await http.delete(f"/v1/shares/invitations/{one['id']}", headers=ana)).status_code == 204

        async def gone() -> bool:
            return (await http.get(f"/v1/items/{folder}", headers=ben)).status_code == 404

        assert await eventually(gone, within_seconds=WITHIN_SECONDS)
        cleo = await joined(http, letters, "cleo", "cleo@example.org")
        assert (await http.get("/v1/shares/with-me", headers=cleo)).json()["items"] == []
