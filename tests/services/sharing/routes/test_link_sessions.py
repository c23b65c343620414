"""A visitor who is in comes in again before the session ends, and stays the same visitor."""

from pathlib import Path
from typing import Any

import pytest

from coffer_chassis.ids import new_id
from factories.public_links import Doors, claims_of, token_of, verifier_of
from factories.sharing import Sharing


@pytest.fixture
async def doors(sharing: Sharing, tmp_path: Path) -> Doors:
    return Doors(sharing, verifier_of(sharing, tmp_path))


async def link_of(doors: Doors, **fields: Any) -> dict[str, Any]:
    return await doors.made(await doors.sharing.item("Inbox"), mode="upload_only", **fields)


async def again(doors: Doors, link: dict[str, Any], session: str, **body: Any) -> dict[str, Any]:
    """What stands in the token of whoever comes in with one."""
    async with doors.client() as http:
        answer = await http.post(f"/v1/public/links/{token_of(link)}/unlock", json={"session": session, **body})
    assert answer.status_code == 200, answer.text
    return claims_of(answer.json()["access_token"])


async def test_a_session_goes_on_by_a_new_token(doors: Doors) -> None:
    link = await link_of(doors)
    first = await doors.session(link)
    doors.sharing.clock.advance(minutes=14)
    second = await again(doors, link, first)
    assert second["sid"] == claims_of(first)["sid"]
    assert second["jti"] != claims_of(first)["jti"]
    assert second["exp"] == claims_of(first)["exp"] + 14 * 60
    assert claims_of(await doors.session(link))["sid"] != second["sid"]


async def test_a_password_is_asked_for_all_the_same(doors: Doors) -> None:
    link = await link_of(doors, password="tulips")
    session = await doors.session(link, "tulips")
    async with doors.client() as http:
        answer = await http.post(f"/v1/public/links/{token_of(link)}/unlock", json={"session": session})
        assert (answer.status_code, answer.json()["code"]) == (401, "link_password_required")
    assert (await again(doors, link, session, password="tulips"))["sid"] == claims_of(session)["sid"]


@pytest.mark.parametrize("way", ["nonsense", "expired", "of another link", "of another family", "of a person"])
async def test_what_is_no_session_of_this_link_begins_a_new_one(doors: Doors, way: str) -> None:
    link = await link_of(doors)
    session = await doors.session(link)
    if way == "nonsense":
        session = session[:-4] + "AAAA"
    elif way == "expired":
        doors.sharing.clock.advance(minutes=16)
    elif way == "of another link":
        session = await doors.session(await doors.made(await doors.sharing.item("Other"), mode="view"))
    elif way == "of another family":
        async with doors.client(doors.sharing.owner.user_id) as http:
            for is_shut in (True, False):
                answer = await http.patch(f"/v1/links/{link['id']}", json={"disabled": is_shut})
                assert answer.status_code == 200, answer.text
    else:
        session = new_id()
    known = claims_of(session)["sid"] if session.count(".") == 2 and way != "nonsense" else None
    assert (await again(doors, link, session))["sid"] != known
