"""Every fact: what it leaves behind, also when it comes twice, out of order, or its transaction never commits."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from coffer_contracts.event import Envelope
from coffer_contracts.files import (
    ItemRestoredV1,
    ItemTrashedV1,
    UploadConflictedV1,
    UploadExpiredV1,
    UploadFailedV1,
    UploadRejectedV1,
)
from coffer_contracts.sharing import GrantRemovedV1
from coffer_notifier.handlers.reactions import BULK, FAST
from factories.commented import Comment
from factories.events import NOON
from factories.notifier import Notifier
from factories.telling import (
    Share,
    downloaded,
    drive,
    invitation_ended,
    job_finished,
    of_link,
    photo_rejected,
    registered,
    reuse_detected,
    sample,
    session_revoked,
    signed_in,
    upload_ended,
    usage_crossed,
    user_id,
    webhook_disabled,
)

LINK_FACTS = ("created", "changed", "disabled", "downloaded", "unlock_failed", "uploaded")
TABLES = ("notices", "activity", "mails", "grants", "tree", "people", "revocations")


class World:
    """Ann's drive, Bob who is given things, and one fact of every kind about it."""

    def __init__(self) -> None:
        self.ann, self.bob = user_id(), user_id()
        self.root = drive(self.ann)
        self.folder = self.root.below("Plans", "folder")
        self.file = self.folder.below("a.txt")
        self.share = Share(self.folder, self.bob)
        self.comment, self.other_comment = (Comment(self.file, self.bob) for _ in range(2))

    def facts(self) -> list[Envelope[Any]]:
        """One of every type that the service reads, in the order in which they happen."""
        return [
            registered(self.ann, f"ann{self.ann[-6:]}"),
            registered(self.bob, f"bob{self.bob[-6:]}"),
            self.root.created(),
            self.folder.created(),
            self.share.granted(),
            self.share.created(notify=True),
            *(sample(f"sharing.link.{kind}.v1", self.ann) for kind in LINK_FACTS),
            self.file.committed(actor=self.bob),
            self.file.preview_ready(actor=self.bob),
            self.file.preview_failed(),
            self.file.preview_omitted(),
            downloaded(self.file, self.bob),
            self.file.changed("name", previous_name="b.txt"),
            self.share.changed("role"),
            self.comment.created(),
            self.comment.changed("resolved", resolved_by=self.ann),
            self.other_comment.deleted(),
            *(
                upload_ended(self.folder, self.bob, kind)
                for kind in (UploadConflictedV1, UploadRejectedV1, UploadFailedV1, UploadExpiredV1)
            ),
            self.file.as_(ItemTrashedV1, sequence=3),
            self.file.as_(ItemRestoredV1, sequence=4),
            self.share.removed(),
            self.share.revoked(),
            self.share.left(),
            *(sample(f"sharing.invitation.{kind}.v1", self.ann) for kind in ("created", "changed")),
            invitation_ended(self.ann),
            self.file.version_deleted(),
            self.file.purged(),
            session_revoked(user_id(), self.bob, NOON.replace(hour=13)),
            webhook_disabled(self.bob),
            photo_rejected(self.bob),
            usage_crossed(self.bob),
            job_finished(self.bob, self.ann),
            signed_in(self.bob),
            reuse_detected(self.bob),
            *(sample(f"auth.{kind}.v1", self.bob) for kind in ("token.created", "token.revoked", "mfa.disabled")),
        ]


async def state(notifier: Notifier, world: World) -> dict[str, Any]:
    """What is in the store about the people of this world, without what differs from run to run."""
    people = [world.ann, world.bob]
    named = {"people": people}
    notices = await notifier.rows(
        "SELECT user_id, type, event_id, deleted_at IS NULL FROM notices WHERE user_id = ANY(CAST(:people AS uuid[])) "
        "ORDER BY event_id, user_id",
        **named,
    )
    activity = await notifier.rows(
        "SELECT action, event_id, actor_id, changes FROM activity WHERE owner_id = ANY(CAST(:people AS uuid[])) "
        "ORDER BY event_id",
        **named,
    )
    mails = await notifier.rows("SELECT event_id, kind FROM mails WHERE user_id = ANY(CAST(:people AS uuid[]))", **named)
    grants = await notifier.rows(
        "SELECT grant_id, sequence, removed_at FROM grants WHERE owner_id = ANY(CAST(:people AS uuid[]))", **named
    )
    tree = await notifier.rows(
        "SELECT item_id::text, name, sequence, purged_at FROM tree "
        "WHERE owner_id = ANY(CAST(:people AS uuid[])) ORDER BY item_id",
        **named,
    )
    known = await notifier.rows("SELECT username FROM people WHERE user_id = ANY(CAST(:people AS uuid[]))", **named)
    parts: dict[str, Any] = {"notices": notices, "activity": activity, "mails": mails, "grants": grants}
    return parts | {"tree": tree, "people": sorted(known)}


def test_every_type_that_is_read_is_in_this_world() -> None:
    assert {fact.type for fact in World().facts()} | {
        "auth.password.changed.v1",
        "auth.user.verified.v1",
        "auth.user.changed.v1",
        "auth.user.suspended.v1",
        "auth.user.deleted.v1",
    } == {*FAST, *BULK}


async def test_each_fact_leaves_its_traces(notifier: Notifier) -> None:
    world = World()
    await notifier.handle(*world.facts())
    now = await state(notifier, world)
    assert sorted(row.type for row in now["notices"]) == [
        "comment_added",
        "files_uploaded",
        "link_taken_down",
        "link_uploaded",
        "mfa_disabled",
        "photo_rejected",
        "session_reuse_detected",
        "share_changed",
        "share_left",
        "share_received",
        "share_revoked",
        "token_created",
        "upload_conflict",
        "upload_expired",
        "upload_failed",
        "upload_rejected",
        "upload_rejected",
        "usage_crossed",
        "webhook_disabled",
    ]
    assert sorted(row.action for row in now["activity"]) == [
        "comment_deleted",
        "comment_resolved",
        "commented",
        "created",
        "downloaded",
        "invitation_changed",
        "invitation_ended",
        "invited",
        "link_changed",
        "link_created",
        "link_disabled",
        "link_downloaded",
        "link_unlock_failed",
        "mfa.disabled",
        "purged",
        "renamed",
        "restored",
        "session.created",
        "session.reuse_detected",
        "session.revoked",
        "share_changed",
        "share_left",
        "share_revoked",
        "shared",
        "token.created",
        "token.revoked",
        "trashed",
        "uploaded",
        "user.registered",
        "user.registered",
        "version_deleted",
    ]
    assert len(now["mails"]) == 7
    assert len(now["tree"]) == 3
    assert len(now["people"]) == 2


async def test_facts_that_come_twice_change_nothing(notifier: Notifier) -> None:
    world = World()
    facts = world.facts()
    await notifier.handle(*(fact for fact in facts for _ in range(2)))
    once = await state(notifier, world)
    streamed = await notifier.rows("SELECT count(*) FROM stream WHERE user_id = :bob", bob=world.bob)
    await notifier.handle(*facts)
    assert await state(notifier, world) == once
    assert await notifier.rows("SELECT count(*) FROM stream WHERE user_id = :bob", bob=world.bob) == streamed


async def test_facts_sent_again_long_after_the_inbox_forgot_tell_nobody_twice(notifier: Notifier) -> None:
    world = World()
    facts = world.facts()
    await notifier.handle(*facts)
    once = await state(notifier, world)
    told = "SELECT count(*) FROM stream WHERE user_id = :bob AND event = 'notification'"
    notifications = await notifier.rows(told, bob=world.bob)
    await notifier.forget_inbox()
    await notifier.handle(*facts)
    assert await state(notifier, world) == once
    assert await notifier.rows(told, bob=world.bob) == notifications


@pytest.mark.parametrize(
    "order", [reversed, lambda facts: sorted(facts, key=lambda fact: fact.id[::-1])], ids=["back", "mixed"]
)
async def test_facts_in_any_order_leave_the_same(notifier: Notifier, order: Callable[[Any], Any]) -> None:
    world = World()
    facts = world.facts()
    await notifier.handle(*order(facts))
    now = await state(notifier, world)
    assert len(now["activity"]) == 31
    assert len(now["notices"]) == 19
    assert [(row.sequence, row.purged_at is None) for row in now["tree"] if row.item_id == world.file.id] == [(9, False)]
    assert [(row.sequence, row.removed_at is None) for row in now["grants"]] == [(2, False)]


async def test_a_batch_of_facts_leaves_what_they_leave_one_by_one(notifier: Notifier) -> None:
    apart, together = World(), World()
    await notifier.handle(*apart.facts())
    facts = together.facts()
    lost = next(place for place, fact in enumerate(facts) if fact.type == GrantRemovedV1.type)  # what was seen before that
    await notifier.handle_together(*facts[:lost])
    await notifier.handle_together(*facts[lost:])
    assert await left_behind(notifier, together) == await left_behind(notifier, apart)


async def left_behind(notifier: Notifier, world: World) -> dict[str, Any]:
    """What does not differ between two worlds to which the same happened; hints come once per transaction."""
    now = await state(notifier, world)
    streamed = await notifier.rows(
        "SELECT topic, event, data->>'state' AS state, data->>'name' AS name FROM stream "
        "WHERE user_id = ANY(CAST(:people AS uuid[])) AND event <> 'change' ORDER BY topic, event, state, name",
        people=[world.ann, world.bob],
    )
    return {
        "notices": sorted(row.type for row in now["notices"]),
        "activity": sorted((row.action, sorted(row.changes)) for row in now["activity"]),
        "tree": sorted((row.name, row.sequence, row.purged_at) for row in now["tree"]),
        "stream": [tuple(row) for row in streamed],
        **{table: len(now[table]) for table in ("mails", "grants", "people")},
    }


async def test_a_burst_about_items_costs_the_statements_of_one_fact(notifier: Notifier) -> None:
    ann = user_id()
    root = drive(ann)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if "inbox" not in statement:
            statements.append(statement)

    async def cost(*facts: Envelope[Any]) -> int:
        statements.clear()
        await notifier.handle_together(*facts)
        return len(statements)

    event.listen(notifier.engine.sync_engine, "before_cursor_execute", note)
    one = await cost(root.below("a.txt").committed())
    many = await cost(*(root.below(f"{number}.txt").committed() for number in range(20)))
    event.remove(notifier.engine.sync_engine, "before_cursor_execute", note)
    assert many == one
    assert len(await notifier.activity(ann)) == 21


async def test_a_crash_before_the_commit_leaves_nothing_and_the_next_delivery_everything(notifier: Notifier) -> None:
    world = World()
    counts = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in (*TABLES, "stream", "inbox"))
    before = await notifier.rows(counts)

    class Crash(Exception):
        pass

    async def crash(fact: Envelope[Any]) -> None:
        row = {**FAST, **BULK}[fact.type]
        async with notifier.engine.begin() as connection:
            await row.run(fact, notifier.deps.work.unit_on(connection, cause=fact), notifier.deps)
            raise Crash

    for fact in world.facts():
        with pytest.raises(Crash):
            await crash(fact)
    assert await notifier.rows(counts) == before
    await notifier.handle(*world.facts())
    assert len((await state(notifier, world))["activity"]) == 31


async def test_what_is_only_told_again_tells_nobody(notifier: Notifier) -> None:
    world = World()
    await notifier.handle(world.root.created(), world.folder.created(), world.share.granted())
    before = await state(notifier, world)
    streamed = await notifier.rows(
        "SELECT count(*) FROM stream WHERE user_id = ANY(CAST(:both AS uuid[]))", both=[world.ann, world.bob]
    )
    await notifier.handle(world.folder.changed(sequence=1), world.share.granted(), world.file.changed(sequence=4))
    after = await state(notifier, world)
    assert after["activity"] == before["activity"]
    assert after["notices"] == before["notices"]
    assert len(after["tree"]) == len(before["tree"]) + 1, "but the copy has it now"
    again = await notifier.rows(
        "SELECT count(*) FROM stream WHERE user_id = ANY(CAST(:both AS uuid[]))", both=[world.ann, world.bob]
    )
    assert again == streamed


async def test_who_is_told_of_an_upload_that_ended(notifier: Notifier) -> None:
    world = World()
    for kind, owner_hears in ((UploadRejectedV1, True), (UploadConflictedV1, False), (UploadFailedV1, False)):
        await notifier.handle(upload_ended(world.folder, world.bob, kind))
        expected = 1 if owner_hears else 0
        rows = await notifier.rows(
            "SELECT user_id::text FROM notices WHERE type LIKE :kind AND user_id IN (:ann, :bob)",
            kind=f"upload_{kind.__name__.removeprefix('Upload').removesuffix('V1').removesuffix('ed').lower()}%",
            ann=world.ann,
            bob=world.bob,
        )
        assert sorted(row.user_id for row in rows) == sorted([world.bob, *[world.ann] * expected])
    await notifier.handle(upload_ended(world.folder, world.ann, UploadRejectedV1))
    own = await notifier.rows("SELECT count(*) FROM notices WHERE user_id = :ann", ann=world.ann)
    assert own[0][0] == 2, "one of Bob's, one of her own"


async def test_of_what_came_through_a_link_its_owner_hears_and_nobody_else(notifier: Notifier) -> None:
    world, link = World(), user_id()
    for kind in (UploadRejectedV1, UploadConflictedV1, UploadFailedV1, UploadExpiredV1):
        await notifier.handle(of_link(upload_ended(world.folder, link, kind)))
    rows = await notifier.rows(
        "SELECT user_id::text, type FROM notices WHERE user_id IN (:ann, :link) ORDER BY type", ann=world.ann, link=link
    )
    # That a visitor gave up is nobody's news.
    assert [tuple(row) for row in rows] == [
        (world.ann, "upload_conflict"),
        (world.ann, "upload_failed"),
        (world.ann, "upload_rejected"),
    ]


async def test_who_sent_a_photo_that_is_none_is_told_why(notifier: Notifier) -> None:
    world = World()
    await notifier.handle(*[photo_rejected(world.bob)] * 2)
    [row] = await notifier.rows(
        "SELECT user_id::text, data FROM notices WHERE type = 'photo_rejected' AND user_id IN (:ann, :bob)",
        ann=world.ann,
        bob=world.bob,
    )
    assert (row.user_id, row.data["reason"], row.data["detail"]) == (world.bob, "not_an_image", "The file is no picture.")


async def hinted(notifier: Notifier, *people: str) -> set[str]:
    rows = await notifier.rows(
        "DELETE FROM stream WHERE event = 'change' AND user_id = ANY(CAST(:people AS uuid[])) RETURNING user_id::text",
        people=list(people),
    )
    return {row.user_id for row in rows}


async def test_changes_are_hinted_at_to_whoever_may_read_the_item_or_could_before(notifier: Notifier) -> None:
    ann, bob, cid, dora, eve = everybody = [user_id() for _ in range(5)]
    root = drive(ann)
    left, right = root.below("left", "folder"), root.below("right", "folder")
    file = left.below("a.txt")
    over = Share(left, eve, expires_at=NOON)
    await notifier.handle(root.created(), left.created(), right.created(), file.committed())
    await notifier.handle(Share(left, bob).granted(), Share(right, cid).granted(), Share(file, dora).granted(), over.granted())
    await hinted(notifier, *everybody)
    await notifier.handle(file.changed("name", previous_name="b.txt"))
    assert await hinted(notifier, *everybody) == {ann, bob, dora}
    moved = file.moved_to(right).changed("parent_id", previous_parent_id=left.id, sequence=3)
    await notifier.handle(moved)
    assert await hinted(notifier, *everybody) == {ann, bob, cid, dora}, "also who lost it by the move"
    await notifier.handle(file.moved_to(right).as_(ItemTrashedV1, sequence=4))
    assert await hinted(notifier, *everybody) == {ann, cid, dora}
    await notifier.handle(file.moved_to(right).purged())
    assert await hinted(notifier, *everybody) == {ann, cid, dora}


async def test_a_grant_is_hinted_at_to_both_sides_and_links_have_no_feed(notifier: Notifier) -> None:
    world = World()
    await notifier.handle(world.share.granted())
    assert await hinted(notifier, world.ann, world.bob) == {world.ann, world.bob}
    await notifier.handle(world.share.removed())
    assert await hinted(notifier, world.ann, world.bob) == {world.ann, world.bob}
    linked = Share(world.folder, world.bob).granted()
    linked = linked.model_copy(update={"data": linked.data.model_copy(update={"grantee": "link/1"})})
    await notifier.handle(linked)
    assert await hinted(notifier, world.ann, world.bob) == {world.ann}
    await notifier.handle(linked.model_copy(update={"id": user_id()}))
    assert await hinted(notifier, world.ann, world.bob) == set(), "told again, it changes nothing"
