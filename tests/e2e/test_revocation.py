"""What takes a right away does not wait behind what was said before: shown by what was sent, not by the clock."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from coffer_chassis.outbox import ROUND
from factories import images
from factories.addresses import end_of
from factories.crowds import Crowd, empty, fill, now, overtaken
from factories.people import Person
from factories.stacks import LocalStack, local_stack

pytestmark = pytest.mark.slow

CROWD = 10_000
MOST = 5 * ROUND
"""Others that are sent between the commit of what is urgent and its own sending. It waits for none of them (the tests of the
relay show that), but on a busy machine a round or two end while it is on its way.
"""
CROWDS = (
    Crowd("SHARING", "sharing.grant.set.v1"),
    Crowd("AUTH", "auth.session.revoked.v1"),
    Crowd("FILES", "files.item.created.v1"),
    Crowd("MEDIA_WORKER", "media.upload.rejected.v1"),
)
"""One for every queue that files hears others on, and one of its own; those of sharing and auth go to the queues of rights."""


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """One of its own: what a crowd leaves behind would be in the way of other tests."""
    with local_stack() as running:
        yield running


def test_a_share_is_over_before_the_crowd_that_waits_was_told(stack: LocalStack, ana: Person) -> None:
    ben = Person.at(stack.url)
    folder = ana.folder("given")["id"]
    share = ana.share(folder, ben, "editor")
    ben.sees(folder)
    fill(stack, CROWDS, CROWD)
    began = now()
    # Less first, then nothing: both overtake the crowd.
    assert ana.http.patch(f"/v1/shares/{share['id']}", json={"role": "viewer"}).status_code == 200
    ben.wait_for(lambda: ben.get(f"/v1/items/{folder}"), lambda item: not item["permissions"]["write"], within_seconds=30)
    assert ana.http.delete(f"/v1/shares/{share['id']}").status_code == 204
    ben.loses(folder)
    (lowered, lowered_after, left), (removed, removed_after, _) = overtaken(stack, "SHARING", began)
    assert (lowered, removed) == ("sharing.grant.set.v1", "sharing.grant.removed.v1")
    assert max(lowered_after, removed_after) <= MOST
    assert left > CROWD / 2, "there was nothing to overtake"
    empty(stack, CROWDS)


def test_a_session_is_over_before_the_crowd_that_waits_was_told(stack: LocalStack, ana: Person) -> None:
    token = ana.tokens["access_token"]
    ana.sign_in()
    fill(stack, CROWDS, CROWD)
    began = now()
    signed_out = {"Authorization": f"Bearer {token}"}
    assert ana.http.post("/v1/auth/logout", json={}, headers=signed_out).status_code in {200, 204}
    ana.wait_for(
        lambda: ana.http.get("/v1/items/root/children", headers=signed_out).json(),
        lambda answer: answer.get("status") == 401,
        within_seconds=30,
    )
    ((revoked, after, left),) = overtaken(stack, "AUTH", began)
    assert revoked == "auth.session.revoked.v1"
    assert after <= MOST
    assert left > CROWD / 2
    empty(stack, CROWDS)


def test_no_address_that_is_handed_out_lives_longer_than_is_said(ana: Person) -> None:
    photo = ana.upload("a.jpg", images.jpeg(320, 240), mime_type="image/jpeg")["item_id"]
    ana.previewed(photo)
    listed = ana.children(include="thumbnail")[0]["preview"]["thumbnail_url"]
    usual = ana.get(f"/v1/items/{photo}/download-url")["url"]
    timed = ana.get(f"/v1/items/{photo}/download-url", ttl=900)["url"]
    led = [
        ana.http.get(f"/v1/items/{photo}/{what}", follow_redirects=False).headers["location"] for what in ("content", "preview")
    ]
    handed_out = now()
    for address in (listed, usual, timed, *led):
        assert timedelta(minutes=4) < end_of(address) - handed_out <= timedelta(minutes=20)
