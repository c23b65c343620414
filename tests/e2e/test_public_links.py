"""The story of a public link: made, visited with a password, downloaded through once, shut, taken down."""

from collections.abc import Iterator

import httpx
import pytest

from factories import images, patient
from factories.people import Person
from factories.stacks import LocalStack
from factories.visitors import linked, public, tickets, visitor

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30
"""Far more than it takes to hear of something."""


@pytest.fixture
def nobody(stack: LocalStack) -> Iterator[httpx.Client]:
    """A client without an account."""
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        yield client


def test_a_link_is_unlocked_looked_at_downloaded_through_once_and_shut(ana: Person, nobody: httpx.Client) -> None:
    folder = ana.folder("Holiday")["id"]
    photo = images.jpeg(320, 240)
    file = ana.upload("a.jpg", photo, parent=folder, mime_type="image/jpeg")["item_id"]
    link = linked(ana, folder, mode="download", password="tulips", max_downloads=1)
    seen = nobody.get(public(link))
    assert (seen.status_code, seen.json()["needs_password"], seen.json()["name"]) == (200, True, None)
    wrong = nobody.post(public(link, "/unlock"), json={"password": "crocus"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "link_password_required")
    headers = visitor(nobody, link, "tulips")
    (child,) = nobody.get(f"/v1/items/{folder}/children", headers=headers).json()["items"]
    assert child["id"] == file
    without = nobody.get(f"/v1/items/{file}/content", headers=headers)
    assert (without.status_code, without.json()["code"]) == (403, "ticket_required")
    [ticket] = tickets(nobody, link, headers, item_id=file)
    went = nobody.get(f"/v1/items/{file}/content", headers=headers | {"Coffer-Ticket": ticket})
    assert went.status_code == 302
    assert patient.get(went.headers["location"]).content == photo
    again = nobody.get(f"/v1/items/{file}/content", headers=headers | {"Coffer-Ticket": ticket})
    assert (again.status_code, again.json()["code"]) == (403, "ticket_required")
    more = nobody.post(public(link, "/tickets"), json={"item_id": file}, headers=headers)
    assert (more.status_code, more.json()["code"]) == (410, "link_exhausted")
    assert nobody.get(public(link)).json()["code"] == "link_exhausted"
    accesses = ana.get(f"/v1/links/{link['id']}/accesses")["items"]
    assert {one["action"] for one in accesses} == {"viewed", "unlocked", "unlock_failed", "downloaded"}
    # Its maker is told, and shuts it: who is in is out.
    ana.wait_for(
        lambda: ana.get("/v1/activity", item_id=folder),
        lambda page: {"link_created", "link_downloaded"} <= {entry["action"] for entry in page["items"]},
        within_seconds=WITHIN_SECONDS,
    )
    assert nobody.get(f"/v1/items/{folder}", headers=headers).status_code == 200
    shut = ana.http.patch(f"/v1/links/{link['id']}", json={"disabled": True})
    assert (shut.status_code, shut.json()["state"]) == (200, "disabled")
    assert nobody.get(public(link)).json()["code"] == "not_found"
    Person.wait_for(
        lambda: {"status": nobody.get(f"/v1/items/{folder}", headers=headers).status_code},
        lambda asked: asked["status"] in {401, 404},
        within_seconds=WITHIN_SECONDS,
    )


def test_another_password_ends_the_sessions_of_before_in_files_too(ana: Person, nobody: httpx.Client) -> None:
    folder = ana.folder("Plans")["id"]
    link = linked(ana, folder, mode="view", password="tulips")
    before = visitor(nobody, link, "tulips")
    assert ana.http.patch(f"/v1/links/{link['id']}", json={"password": "crocus"}).status_code == 200
    Person.wait_for(
        lambda: {"status": nobody.get(f"/v1/items/{folder}", headers=before).status_code},
        lambda asked: asked["status"] == 401,
        within_seconds=WITHIN_SECONDS,
    )
    after = visitor(nobody, link, "crocus")
    assert nobody.get(f"/v1/items/{folder}", headers=after).status_code == 200


def test_an_archive_is_had_for_one_ticket(ana: Person, nobody: httpx.Client) -> None:
    folder = ana.folder("Album")["id"]
    files = [ana.upload(f"{n}.jpg", images.jpeg(32, 24), parent=folder, mime_type="image/jpeg")["item_id"] for n in range(2)]
    link = linked(ana, folder, mode="download")
    headers = visitor(nobody, link)
    [ticket] = tickets(nobody, link, headers, item_ids=files, use="archive")
    made = nobody.post("/v1/archives", json={"item_ids": files}, headers=headers | {"Coffer-Ticket": ticket})
    assert made.status_code == 201, made.text
    assert nobody.get(made.json()["url"]).content[:2] == b"PK"
    assert ana.get(f"/v1/links/{link['id']}")["downloads"] == 1


def test_an_operator_takes_a_link_down_and_its_maker_reads_why(stack: LocalStack, ana: Person, nobody: httpx.Client) -> None:
    boss = Person.at(stack.url)
    stack.run("coffer_auth", "grant-operator", boss.name)
    boss.sign_in()
    link = linked(ana, ana.folder("Loot")["id"])
    found = boss.http.post("/v1/admin/sharing/links/lookup", json={"address": link["url"]}).json()
    assert (found["id"], found["url"]) == (link["id"], None)
    down = boss.http.post(f"/v1/admin/sharing/links/{link['id']}/takedown", json={"reason": "Reported as stolen."})
    assert down.status_code == 200, down.text
    assert nobody.get(public(link)).status_code == 404
    assert ana.get(f"/v1/links/{link['id']}")["taken_down"]["reason"] == "Reported as stolen."
    notice = ana.wait_for(lambda: ana.get("/v1/notifications"), lambda feed: bool(feed["items"]), within_seconds=WITHIN_SECONDS)
    assert notice["items"][0]["type"] == "link_taken_down"
    audit = boss.wait_for(
        lambda: boss.get("/v1/audit", action="link.taken_down"), lambda page: bool(page["items"]), within_seconds=WITHIN_SECONDS
    )
    assert audit["items"][0]["resource"]["id"] == link["id"]
    assert boss.http.delete(f"/v1/admin/sharing/links/{link['id']}/takedown").json()["state"] == "active"
    assert nobody.get(public(link)).status_code == 200
