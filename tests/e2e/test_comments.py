"""People talk about a file and hear of it; over HTTP only, on a whole stack."""

import pytest

from factories.people import Person
from factories.stacks import LocalStack
from factories.streams import listening

pytestmark = pytest.mark.slow

WITHIN_SECONDS = 30
"""Far more than it takes to hear of something."""


def hears(who: Person, count: int, path: str) -> None:
    """Wait until so many entries stand in a list of somebody."""
    who.wait_for(lambda: who.get(path), lambda page: len(page["items"]) >= count, within_seconds=WITHIN_SECONDS)


def news(who: Person) -> list[tuple[str, str]]:
    """Kind and comment of each notice about comments, newest first."""
    found = who.get("/v1/notifications")["items"]
    return [(notice["type"], notice["data"]["comment_id"]) for notice in found if notice["type"].startswith("comment_")]


async def test_a_talk_about_a_folder_reaches_whoever_it_concerns_and_ends_with_the_share(stack: LocalStack) -> None:
    ann, bob, cid, eve = (Person.at(stack.url) for _ in range(4))
    folder = ann.folder("Plans")["id"]
    shares = [ann.share(folder, bob), ann.share(folder, cid)]
    for person in (bob, cid):
        hears(person, 1, "/v1/notifications")
    async with listening(stack.url, cid.tokens["access_token"]) as stream:
        first = bob.says(folder, "What is **this**, @cid?", mentions=[{"username": cid.name}, {"username": eve.name}])
        told = (await stream.hears(1, "notification"))[-1]
        if told.data["type"] == "share_received":  # the stream may begin before that
            told = (await stream.hears(2, "notification"))[-1]
        assert (told.data["type"], told.data["data"]["comment_id"]) == ("comment_mentioned", first["id"])
        assert told.data["title"] == f"{bob.name} mentioned you in a comment on “Plans”"
        assert "What is" not in str(told.data)
    assert cid.get(f"/v1/comments/{told.data['data']['comment_id']}")["body"] == "What is **this**, @cid?"
    reply = cid.says(folder, "A plan.", parent_id=first["id"])
    bob.wait_for(lambda: {"news": news(bob)}, lambda heard: bool(heard["news"]), within_seconds=WITHIN_SECONDS)
    assert news(bob) == [("comment_replied", reply["id"])]
    ann.wait_for(lambda: {"news": news(ann)}, lambda heard: len(heard["news"]) == 2, within_seconds=WITHIN_SECONDS)
    assert news(ann) == [("comment_added", reply["id"]), ("comment_added", first["id"])]
    assert news(eve) == []
    assert eve.http.get("/v1/comments", params={"item_id": folder}).status_code == 404

    assert ann.http.put(f"/v1/comments/{first['id']}/resolved").json()["resolved_by"]["username"] == ann.name
    assert bob.http.delete(f"/v1/comments/{first['id']}").status_code == 204
    seen = [
        (one["body"], one["author"] and one["author"]["username"]) for one in ann.get("/v1/comments", item_id=folder)["items"]
    ]
    assert seen == [(None, None), ("A plan.", cid.name)]
    cid.wait_for(lambda: {"news": news(cid)}, lambda heard: not heard["news"], within_seconds=WITHIN_SECONDS)

    assert ann.http.delete(f"/v1/shares/{shares[1]['id']}").status_code == 204
    assert cid.http.get(f"/v1/comments/{reply['id']}").status_code == 404
    assert ann.http.delete(f"/v1/items/{folder}").status_code == 204
    bob.wait_for(
        lambda: {"status": bob.http.get("/v1/comments", params={"item_id": folder}).status_code},
        lambda asked: asked["status"] == 404,
        within_seconds=WITHIN_SECONDS,
    )
    assert len(ann.get("/v1/comments", item_id=folder)["items"]) == 2
    assert ann.http.delete(f"/v1/trash/{folder}").status_code in {202, 204}
    ann.wait_for(
        lambda: {"status": ann.http.get(f"/v1/comments/{reply['id']}").status_code},
        lambda asked: asked["status"] == 404,
        within_seconds=WITHIN_SECONDS,
    )
