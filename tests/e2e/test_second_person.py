"""The story of a second person: a folder is shared with them, they see it and are told, work in it, and lose it again."""

import pytest

from factories import images
from factories.live import listening
from factories.people import Person
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30
"""Far more than it takes to hear of something."""


@pytest.fixture
def ben(stack: LocalStack) -> Person:
    return Person.at(stack.url)


def mails(stack: LocalStack, to: Person) -> str:
    """What the command of the operator shows of the mails to somebody."""
    return stack.run("coffer_notifier", "mails", "--to", f"{to.name}@example.org")


def test_a_folder_is_shared_seen_told_of_worked_in_and_lost(stack: LocalStack, ana: Person, ben: Person) -> None:
    trips = ana.folder("Trips")["id"]
    rome = ana.folder("Rome", trips)["id"]
    photo = ana.upload("a.jpg", images.jpeg(320, 240), parent=rome, mime_type="image/jpeg")["item_id"]
    follows = ben.get("/v1/changes/cursor")["cursor"]
    with listening(ben) as live:
        share = ana.share(trips, ben, "viewer", message="Have a look!")
        assert ben.sees(photo)["permissions"]["write"] is False
        notice = live.wait_for("notification")
        assert notice["item"]["name"] == "Trips"
        live.wait_for("change")
    # Listed, told in the feed, told by mail.
    (listed,) = ben.get("/v1/shares/with-me")["items"]
    assert (listed["id"], listed["item"]["name"], listed["role"]) == (share["id"], "Trips", "viewer")
    assert ana.get("/v1/shares/by-me")["items"][0]["recipient"]["username"] == ben.name
    changes = ben.get("/v1/changes", cursor=follows)["changes"]
    begun = next(change for change in changes if change["reason"] == "shared")
    assert (begun["change"], begun["item_id"], begun["subtree"]) == ("upsert", trips, True)
    assert {change["item_id"] for change in changes} <= {trips, photo}
    feed = ben.get("/v1/notifications")
    assert feed["unread_count"] == 1
    assert feed["items"][0]["id"] == notice["id"]
    assert ben.http.post("/v1/notifications/read", json={"ids": [notice["id"]]}).status_code == 204
    assert ben.get("/v1/notifications")["unread_count"] == 0
    mail = ben.wait_for(lambda: {"shown": mails(stack, ben)}, lambda found: "Trips" in found["shown"], within_seconds=60)
    assert "Have a look!" in mail["shown"]
    # A viewer may look and nothing else; an editor may work.
    assert ben.http.patch(f"/v1/items/{rome}", json={"name": "Paris"}).status_code == 403
    assert ana.http.patch(f"/v1/shares/{share['id']}", json={"role": "editor"}).status_code == 200
    ben.wait_for(
        lambda: ben.get(f"/v1/items/{trips}"), lambda item: item["permissions"]["write"], within_seconds=WITHIN_SECONDS
    )
    assert ben.http.patch(f"/v1/items/{rome}", json={"name": "Paris"}).status_code == 200
    uploaded = ben.upload("b.jpg", images.jpeg(200, 100), parent=rome, mime_type="image/jpeg")
    assert uploaded["state"] == "committed"
    assert {item["name"] for item in ana.children(rome)} == {"a.jpg", "b.jpg"}
    # Who did what, with values before and after.
    activity = ana.wait_for(
        lambda: ana.get("/v1/activity", item_id=rome),
        lambda page: any(entry["action"] == "renamed" for entry in page["items"]),
        within_seconds=WITHIN_SECONDS,
    )["items"]
    renamed = next(entry for entry in activity if entry["action"] == "renamed")
    assert renamed["actor"]["username"] == ben.name
    assert renamed["changes"]["name"] == ["Rome", "Paris"]
    # Through rename and move, and gone on revoke.
    kept = ana.folder("private")["id"]
    assert ana.http.patch(f"/v1/items/{trips}", json={"parent_id": kept, "name": "Travels"}).status_code == 200
    assert ben.get(f"/v1/items/{uploaded['item_id']}", include="path")["path"] == "/Travels/Paris/b.jpg"
    with listening(ben) as live:
        assert ana.http.delete(f"/v1/shares/{share['id']}").status_code == 204
        ben.loses(photo)
        live.wait_for("notification")
    for gone in (trips, rome, photo, uploaded["item_id"]):
        assert ben.http.get(f"/v1/items/{gone}").status_code == 404
    assert ben.get("/v1/shares/with-me")["items"] == []
    last = ben.get("/v1/changes", cursor=follows)["changes"][-1]
    assert (last["change"], last["reason"], last["item_id"]) == ("remove", "unshared", trips)
    ben.wait_for(
        lambda: {"status": ben.http.get("/v1/activity", params={"item_id": rome}).status_code},
        lambda asked: asked["status"] == 404,
        within_seconds=WITHIN_SECONDS,
    )


def test_a_stream_that_was_cut_goes_on_where_it_was(ana: Person, ben: Person) -> None:
    with listening(ben) as live:
        ana.share(ana.folder("first")["id"], ben)
        first = live.wait_for("notification")
    ana.share(ana.folder("second")["id"], ben)
    ben.wait_for(lambda: ben.get("/v1/notifications"), lambda feed: len(feed["items"]) == 2, within_seconds=WITHIN_SECONDS)
    with listening(ben, live.last_id) as again:
        missed = again.wait_for("notification")
    assert (first["item"]["name"], missed["item"]["name"]) == ("first", "second")
    assert [heard["data"]["item"]["name"] for heard in again.heard if heard["event"] == "notification"] == ["second"]


def test_the_uploader_hears_what_becomes_of_an_upload(ana: Person) -> None:
    with listening(ana) as live:
        upload = ana.upload("a.jpg", images.jpeg(320, 240), mime_type="image/jpeg")
        told = live.wait_for("upload", state="committed")  # its preview may be told of before
    assert (told["upload_id"], told["state"], told["item_id"]) == (upload["id"], "committed", upload["item_id"])


def test_whoever_leaves_a_share_loses_it_and_the_owner_is_told(ana: Person, ben: Person) -> None:
    trips = ana.folder("Trips")["id"]
    share = ana.share(trips, ben)
    ben.sees(trips)
    assert ben.http.post(f"/v1/shares/{share['id']}/leave").status_code == 204
    ben.loses(trips)
    feed = ana.wait_for(lambda: ana.get("/v1/notifications"), lambda found: bool(found["items"]), within_seconds=WITHIN_SECONDS)
    assert feed["items"][0]["actor"]["username"] == ben.name
