"""Facts about comments: who is told of them, of what, and what is taken back."""

import json
from typing import Any

from sqlalchemy import event

from coffer_contracts.event import Envelope
from factories.commented import Comment
from factories.notifier import Notifier
from factories.receivers import Receiver
from factories.telling import Share, drive, user_id


class House:
    """Ann's folder, which she shares with Bob and Cid, and Eve who sees nothing of it."""

    def __init__(self) -> None:
        self.ann, self.bob, self.cid, self.eve = (user_id() for _ in range(4))
        self.root = drive(self.ann)
        self.folder = self.root.below("Plans", "folder")
        self.file = self.folder.below("a.txt")
        self.shares = [Share(self.folder, one) for one in (self.bob, self.cid)]

    def facts(self) -> list[Envelope[Any]]:
        """How it came to be."""
        made: list[Envelope[Any]] = [self.root.created(), self.folder.created(), self.file.committed()]
        return [*made, *(share.granted() for share in self.shares)]

    @classmethod
    async def at(cls, notifier: Notifier) -> "House":
        """One that the notifier knows."""
        house = cls()
        await notifier.handle(*house.facts())
        return house


async def told(notifier: Notifier, *people: str) -> list[list[str]]:
    """The kinds of notices that each of them is shown."""
    return [[notice["type"] for notice in (await notifier.feed(one))["items"]] for one in people]


async def test_each_is_told_once_and_of_what_concerns_them_most(notifier: Notifier) -> None:
    house = await House.at(notifier)
    ann, bob, cid = house.ann, house.bob, house.cid
    first = Comment(house.file, bob, mentioned=(cid,))
    await notifier.handle(first.created())
    assert await told(notifier, ann, bob, cid) == [["comment_added"], [], ["comment_mentioned"]]
    reply = first.reply(cid, mentioned=(ann,))
    await notifier.handle(reply.created(participants=(bob, ann)))
    assert await told(notifier, ann, bob, cid) == [
        ["comment_mentioned", "comment_added"],
        ["comment_replied"],
        ["comment_mentioned"],
    ]
    [notice] = (await notifier.feed(bob))["items"]
    assert notice["title"] == "Someone replied to a comment on “a.txt”"
    assert notice["data"] == {"comment_id": reply.id, "thread_id": first.id}
    assert notice["item"]["id"] == house.file.id


async def test_an_author_is_told_nothing_of_their_own_not_even_as_owner_or_mentioned(notifier: Notifier) -> None:
    house = await House.at(notifier)
    own = Comment(house.file, house.ann, mentioned=(house.ann,))
    await notifier.handle(own.created(participants=(house.ann,)), own.changed("mentions", newly=(house.ann,)))
    assert await told(notifier, house.ann, house.bob) == [[], []]


async def test_an_edit_tells_only_who_was_not_mentioned_before(notifier: Notifier) -> None:
    house = await House.at(notifier)
    comment = Comment(house.file, house.bob, mentioned=(house.ann, house.cid))
    await notifier.handle(comment.changed("body", "mentions", newly=(house.cid,)), comment.changed("body", sequence=3))
    assert await told(notifier, house.ann, house.bob, house.cid) == [[], [], ["comment_mentioned"]]
    assert await notifier.activity(house.ann, action="commented") == []


async def test_whoever_is_mentioned_again_after_they_were_taken_out_is_not_told_again(notifier: Notifier) -> None:
    house = await House.at(notifier)
    ann, bob, cid = house.ann, house.bob, house.cid
    comment = Comment(house.file, bob, mentioned=(cid,))
    other = Comment(house.file, bob, mentioned=(cid,))
    await notifier.handle(
        comment.created(),
        comment.changed("body", "mentions", sequence=2),
        comment.changed("body", "mentions", newly=(cid, ann), sequence=3),
    )
    await notifier.handle(comment.changed("mentions", newly=(ann,), sequence=5))
    assert await told(notifier, ann, cid) == [["comment_mentioned", "comment_added"], ["comment_mentioned"]]
    async with notifier.client(cid) as http:
        (notice,) = (await notifier.feed(cid))["items"]
        assert (await http.delete(f"/v1/notifications/{notice['id']}")).status_code == 204
    await notifier.handle(comment.changed("mentions", newly=(cid,), sequence=7), other.created())
    (notice,) = (await notifier.feed(cid))["items"]
    assert notice["data"]["comment_id"] == other.id


async def test_whoever_is_mentioned_first_in_an_edit_that_comes_early_is_told_once(notifier: Notifier) -> None:
    house = await House.at(notifier)
    comment = Comment(house.file, house.bob, mentioned=(house.cid,))
    again = comment.changed("mentions", newly=(house.cid,), sequence=3)
    await notifier.handle(again, comment.created())
    await notifier.forget_inbox()
    await notifier.handle(comment.created(), again)
    assert await told(notifier, house.ann, house.cid) == [["comment_added", "comment_added"], ["comment_mentioned"]]


async def test_whoever_lost_sight_by_then_is_shown_nothing(notifier: Notifier) -> None:
    house = await House.at(notifier)
    await notifier.handle(Comment(house.file, house.ann, mentioned=(house.bob, house.eve)).created())
    assert await told(notifier, house.bob, house.eve) == [["comment_mentioned"], []]
    await notifier.handle(house.shares[0].removed())
    assert await told(notifier, house.bob) == [[]]
    assert await notifier.activity(house.bob) == []


async def test_what_was_told_of_a_comment_is_taken_back_when_it_is_deleted(notifier: Notifier) -> None:
    house = await House.at(notifier)
    kept, gone = (Comment(house.file, house.bob, mentioned=(house.cid,)) for _ in range(2))
    await notifier.handle(kept.created(), gone.created(), gone.changed("mentions", newly=(house.cid,)))
    await notifier.handle(gone.deleted())
    for person in (house.ann, house.cid):
        assert [notice["data"]["comment_id"] for notice in (await notifier.feed(person))["items"]] == [kept.id]
    left = await notifier.rows(
        "SELECT data, item_name FROM notices WHERE deleted_at IS NOT NULL AND item_id = :id", id=house.file.id
    )
    assert {(str(row.data), row.item_name) for row in left} == {("{}", None)}


async def test_news_of_a_comment_that_come_after_those_of_its_end_tell_nobody(notifier: Notifier) -> None:
    house = await House.at(notifier)
    kept, gone = (Comment(house.file, house.bob, mentioned=(house.cid,)) for _ in range(2))
    await notifier.handle(gone.deleted(), gone.changed("mentions", newly=(house.cid,)), kept.created(), gone.created())
    assert await told(notifier, house.ann, house.cid) == [["comment_added"], ["comment_mentioned"]]
    actions = [entry["action"] for entry in await notifier.activity(house.ann, item_id=house.file.id)]
    assert sorted(action for action in actions if "comment" in action) == [
        "comment_deleted",
        "comment_edited",
        "commented",
        "commented",
    ]


async def test_webhooks_of_whoever_may_see_the_item_are_told_without_participants(hooked: Notifier, hook: Receiver) -> None:
    house = await House.at(hooked)
    for person in (house.bob, house.eve):
        await hooked.webhook(person, hook.url, "sharing.comment.*")
    said = Comment(house.file, house.ann, mentioned=(house.cid,))
    await hooked.handle(said.created(), said.reply(house.cid).created(participants=(house.ann,)), said.deleted())
    await hooked.deliver_all()
    bodies = [json.loads(call.body) for call in hook.calls]
    assert sorted(body["type"] for body in bodies) == [
        "sharing.comment.created.v1",
        "sharing.comment.created.v1",
        "sharing.comment.deleted.v1",
    ]
    first = next(body["data"] for body in bodies if body["data"]["comment_id"] == said.id and "author_id" in body["data"])
    assert (first["author_id"], first["mentioned_ids"], first["thread_id"]) == (house.ann, [house.cid], said.id)
    assert not any("participant_ids" in body["data"] or "ancestor_ids" in body["data"] for body in bodies)


async def test_activity_tells_of_comments_to_whoever_sees_the_item(notifier: Notifier) -> None:
    house = await House.at(notifier)
    comment = Comment(house.file, house.bob)
    await notifier.handle(
        comment.created(),
        comment.changed("body"),
        comment.changed("resolved", sequence=3, resolved_by=house.ann),
        comment.changed("resolved", sequence=4),
        comment.deleted(sequence=5),
    )
    actions = ["comment_deleted", "comment_edited", "comment_reopened", "comment_resolved", "commented"]
    for person in (house.ann, house.cid):
        seen = [entry for entry in await notifier.activity(person, item_id=house.folder.id) if "comment" in entry["action"]]
        assert sorted(entry["action"] for entry in seen) == actions
        assert all(entry["item"]["id"] == house.file.id for entry in seen)
    assert await notifier.activity(house.eve) == []


async def test_a_comment_that_many_are_told_of_costs_the_statements_of_one(notifier: Notifier) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        statements.append(statement)

    async def cost(count: int) -> int:
        house = await House.at(notifier)
        fact = Comment(house.file, house.bob).reply(house.bob).created(participants=tuple(user_id() for _ in range(count)))
        event.listen(notifier.engine.sync_engine, "before_cursor_execute", note)
        statements.clear()
        await notifier.handle(fact)
        event.remove(notifier.engine.sync_engine, "before_cursor_execute", note)
        rows = await notifier.rows("SELECT type FROM notices WHERE item_id = :id", id=house.file.id)
        assert sorted(row.type for row in rows) == ["comment_added", *["comment_replied"] * count]
        return len(statements)

    assert await cost(100) == await cost(1)


async def test_a_comment_that_is_told_again_tells_nobody_twice(notifier: Notifier) -> None:
    house = await House.at(notifier)
    fact = Comment(house.file, house.bob, mentioned=(house.cid,)).created()
    count = "SELECT count(*) FROM stream WHERE user_id IN (:ann, :cid)"
    await notifier.handle(fact)
    before = await notifier.rows(count, ann=house.ann, cid=house.cid)
    await notifier.forget_inbox()
    await notifier.handle(fact, fact)
    assert await notifier.rows(count, ann=house.ann, cid=house.cid) == before
    assert await told(notifier, house.ann, house.cid) == [["comment_added"], ["comment_mentioned"]]
