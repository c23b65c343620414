"""Public links in the hands of operators: found by their address, taken down for a reason, put back."""

from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from coffer_chassis.ids import new_id
from factories.operators import BOSS
from factories.public_links import Doors, token_of, verifier_of
from factories.sharing import Item, Sharing

LOOKUP = "/v1/admin/sharing/links/lookup"


@pytest.fixture
async def doors(sharing: Sharing, tmp_path: Path) -> Doors:
    return Doors(sharing, verifier_of(sharing, tmp_path))


@pytest.fixture
async def folder(sharing: Sharing) -> Item:
    return await sharing.item("Plans")


async def asked(doors: Doors, method: str, path: str, **more: Any) -> Response:
    async with doors.client(f"{BOSS} operator") as http:
        return await http.request(method, path, **more)


async def test_an_address_that_people_complain_of_leads_to_its_link_but_shows_no_address(doors: Doors, folder: Item) -> None:
    link = await doors.made(folder, name="loot")
    for address in (link["url"], link["url"] + "/", token_of(link)):
        answer = await asked(doors, "POST", LOOKUP, json={"address": address})
        assert answer.status_code == 200
        assert (answer.json()["id"], answer.json()["item"]["owner"]["id"]) == (link["id"], doors.sharing.owner.user_id)
        assert answer.json()["url"] is None
        assert token_of(link) not in answer.text
    missing = await asked(doors, "POST", LOOKUP, json={"address": "https://drive.example.org/s/none"})
    assert missing.status_code == 404


async def test_a_link_is_taken_down_for_a_reason_that_its_maker_sees_and_put_back(doors: Doors, folder: Item) -> None:
    sharing = doors.sharing
    link = await doors.made(folder)
    path, mine = f"/v1/admin/sharing/links/{link['id']}/takedown", f"/v1/links/{link['id']}"
    for _ in range(2):
        answer = await asked(doors, "POST", path, json={"reason": "Reported as stolen."})
        assert (answer.status_code, answer.json()["state"], answer.json()["url"]) == (200, "taken_down", None)
    async with doors.client(sharing.owner.user_id) as http:
        shown = (await http.get(mine)).json()
        assert (shown["state"], shown["taken_down"]["reason"]) == ("taken_down", "Reported as stolen.")
        assert (await http.patch(mine, json={"disabled": False, "name": "up again"})).json()["state"] == "taken_down"
        assert (await http.get(f"/v1/public/links/{token_of(link)}")).status_code == 404
        for _ in range(2):
            assert (await asked(doors, "DELETE", path)).json()["state"] == "active"
        assert (await http.get(f"/v1/public/links/{token_of(link)}")).status_code == 200
        assert (await http.get(mine)).json()["taken_down"] is None
    facts = await sharing.facts()
    acts = [fact for fact in facts if fact.type == "sharing.operator.acted.v1" and fact.data.target == f"link/{link['id']}"]
    assert [(fact.data.action, fact.actorkind) for fact in acts] == [
        ("link.taken_down", "operator"),
        ("link.put_back", "operator"),
    ]
    detail = {one.name: one.value for one in acts[0].data.detail}
    assert (detail["reason"], detail["owner"]) == ("Reported as stolen.", sharing.owner.user_id)
    [off] = [fact for fact in facts if fact.type == "sharing.link.disabled.v1" and fact.data.link_id == link["id"]]
    assert (off.data.reason, off.data.detail) == ("taken_down", "Reported as stolen.")
    grants = [fact.type.split(".")[2] for fact in facts if fact.subject == f"grant/{link['id']}"]
    assert grants == ["set", "removed", "removed", "set"]
    assert (
        len([fact for fact in facts if fact.type == "sharing.link.sessions_ended.v1" and fact.data.link_id == link["id"]]) == 1
    )


async def test_a_link_that_is_not_there_cannot_be_taken_down_and_a_takedown_needs_a_reason(doors: Doors, folder: Item) -> None:
    link = await doors.made(folder)
    for link_id in (new_id(), "nonsense"):
        answer = await asked(doors, "POST", f"/v1/admin/sharing/links/{link_id}/takedown", json={"reason": "x"})
        assert answer.status_code == 404
    for reason in ("", "x" * 2001, None):
        answer = await asked(doors, "POST", f"/v1/admin/sharing/links/{link['id']}/takedown", json={"reason": reason})
        assert answer.status_code == 422


async def test_nobody_else_takes_links_down(doors: Doors, folder: Item) -> None:
    link = await doors.made(folder)
    session = await doors.session(link)
    for token in (doors.sharing.owner.user_id, session):
        async with doors.client(token) as http:
            for method, path, body in (
                ("POST", LOOKUP, {"address": link["url"]}),
                ("POST", f"/v1/admin/sharing/links/{link['id']}/takedown", {"reason": "x"}),
                ("DELETE", f"/v1/admin/sharing/links/{link['id']}/takedown", None),
            ):
                assert (await http.request(method, path, json=body)).status_code == 403
