"""Comments: who reads and writes them, what becomes of threads, and what others are told."""

from datetime import timedelta
from typing import Any

import pytest

from coffer_chassis.etags import Conditions, parse_tags
from coffer_chassis.idempotency import claim
from coffer_contracts.problems import Forbidden, LimitReached, NotFound, PreconditionFailed, StateConflict, ValidationFailed
from coffer_sharing.domain import Named
from coffer_sharing.domain.comments import Anchor, Reading
from coffer_sharing.handlers import comments as commenting
from coffer_sharing.handlers import comments_ending
from coffer_sharing.handlers.comments import Remark, add_comment, find_comment, list_comments
from coffer_sharing.handlers.comments_ending import remove_comments_of_gone
from factories.comments import as_it_is, counted, edit, read, remove, resolve, say, texts, told_of_comment
from factories.files import origin_of
from factories.sharing import Sharing, told_of


async def test_whoever_sees_the_item_reads_and_comments_and_nobody_else(sharing: Sharing) -> None:
    viewer, editor, stranger = [await sharing.person() for _ in range(3)]
    folder = await sharing.item()
    file = await sharing.item("file", folder, "file")
    await sharing.share(folder, viewer)
    await sharing.share(file, editor, role="editor")
    said = [await say(sharing, file, somebody, str(somebody.username)) for somebody in (sharing.owner, viewer, editor)]
    for somebody in (sharing.owner, viewer, editor):
        assert await read(sharing, file, somebody) == said
        assert await find_comment(sharing.deps, somebody, said[0].comment.id) == said[0]
    for refused in (
        say(sharing, file, stranger),
        read(sharing, file, stranger),
        find_comment(sharing.deps, stranger, said[0].comment.id),
        edit(sharing, said[0], stranger),
        remove(sharing, said[0], stranger),
        resolve(sharing, said[0], stranger),
        say(sharing, folder, editor),
    ):
        with pytest.raises(NotFound):
            await refused
    assert await read(sharing, file) == said


async def test_who_loses_sight_of_the_item_loses_sight_of_the_comments_their_own_included(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    ends = sharing.clock.now() + timedelta(minutes=1)
    await sharing.share(folder, ann, role="editor", expires_at=ends)
    hers = await say(sharing, folder, ann)
    sharing.clock.advance(minutes=1)
    for refused in (
        read(sharing, folder, ann),
        find_comment(sharing.deps, ann, hers.comment.id),
        edit(sharing, hers, ann),
        remove(sharing, hers, ann),
        resolve(sharing, hers, ann),
    ):
        with pytest.raises(NotFound):
            await refused
    assert await read(sharing, folder) == [hers]


async def test_in_the_trash_comments_are_for_whoever_may_see_the_item_there(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    file = await sharing.item("file", folder, "file")
    await sharing.share(folder, ann)
    first = await say(sharing, file, ann)
    await sharing.handle(sharing.drive.trash(folder))
    with pytest.raises(NotFound):
        await read(sharing, file, ann)
    with pytest.raises(NotFound):
        await edit(sharing, first, ann)
    assert await read(sharing, file) == [first]
    second = await say(sharing, file)
    await sharing.handle(sharing.drive.restore(folder))
    assert await read(sharing, file, ann) == [first, second]


async def test_threads_follow_each_other_with_their_replies_behind_them(sharing: Sharing) -> None:
    folder = await sharing.item()
    first, second = await say(sharing, folder, text="1"), await say(sharing, folder, text="2")
    for text, thread in (("1a", first), ("2a", second), ("1b", first), ("2b", second)):
        await say(sharing, folder, text=text, to=thread)
    assert texts(await read(sharing, folder)) == ["1", "1a", "1b", "2", "2a", "2b"]
    assert texts(await read(sharing, folder, newest_first=True)) == ["2", "2a", "2b", "1", "1a", "1b"]
    await resolve(sharing, first)
    assert texts(await read(sharing, folder, resolved=True)) == ["1", "1a", "1b"]
    assert texts(await read(sharing, folder, resolved=False)) == ["2", "2a", "2b"]


@pytest.mark.slow
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("resolved", [None, True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 5])
async def test_pages_follow_each_other_without_gap_or_repeat(
    sharing: Sharing, limit: int, resolved: bool | None, *, newest_first: bool
) -> None:
    folder = await sharing.item()
    for number in range(4):
        thread = await say(sharing, folder, text=str(number))
        for reply in range(number):
            await say(sharing, folder, text=f"{number}.{reply}", to=thread)
        if number % 2:
            await resolve(sharing, thread)
    whole = await read(sharing, folder, newest_first=newest_first, resolved=resolved)
    seen: list[Any] = []
    after = None
    while True:
        page = await list_comments(sharing.deps, sharing.owner, folder.id, Reading(limit, newest_first, resolved, after))
        assert len(page.comments) <= limit
        seen += page.comments
        if page.after is None:
            break
        after = page.after
    assert seen == whole
    assert len(seen) == {None: 10, True: 6, False: 4}[resolved]


async def test_replies_have_one_level_and_stay_on_the_item(sharing: Sharing) -> None:
    folder, other = await sharing.item(), await sharing.item("b")
    thread, elsewhere = await say(sharing, folder), await say(sharing, other)
    reply = await say(sharing, folder, to=thread)
    await remove(sharing, gone := await say(sharing, folder))
    for parent, code in ((reply, "is_reply"), (elsewhere, "unknown_comment"), (gone, "unknown_comment")):
        with pytest.raises(ValidationFailed) as refused:
            await say(sharing, folder, to=parent)
        assert [(error.pointer, error.code) for error in refused.value.errors] == [("/parent_id", code)]
    with pytest.raises(ValidationFailed) as refused:
        await say(sharing, folder, to=thread, anchor=Anchor(1, 0, 0))
    assert refused.value.errors[0].code == "not_for_replies"
    assert await counted(sharing, folder) == (2, 2)


async def test_authors_edit_and_delete_their_own_and_the_owner_deletes_any(sharing: Sharing) -> None:
    ann, bob = await sharing.person(), await sharing.person()
    folder = await sharing.item()
    await sharing.share(folder, ann, bob, role="editor")
    hers = await say(sharing, folder, ann)
    for somebody in (bob, sharing.owner):
        with pytest.raises(Forbidden):
            await edit(sharing, hers, somebody)
    with pytest.raises(Forbidden):
        await remove(sharing, hers, bob)
    after = await edit(sharing, hers, ann, "Better")
    assert (after.comment.text, after.comment.edited_at) == ("Better", sharing.clock.now())
    assert await edit(sharing, hers, ann, "Better") == after, "a wish that is fulfilled changes nothing"
    await remove(sharing, hers, sharing.owner)
    await remove(sharing, await say(sharing, folder, ann), ann)
    assert await read(sharing, folder) == []
    assert await counted(sharing, folder) == (0, 0)


async def test_threads_are_resolved_by_their_author_the_owner_and_editors(sharing: Sharing) -> None:
    author, viewer, editor = [await sharing.person() for _ in range(3)]
    folder = await sharing.item()
    await sharing.share(folder, author, viewer)
    await sharing.share(folder, editor, role="editor")
    thread = await say(sharing, folder, author)
    reply = await say(sharing, folder, viewer, to=thread)
    with pytest.raises(Forbidden):
        await resolve(sharing, thread, viewer)
    for somebody in (author, editor, sharing.owner):
        done = await resolve(sharing, thread, somebody)
        assert done.resolved_by is not None
        assert (done.resolved_by.username, done.comment.resolved_at) == (somebody.username, sharing.clock.now())
        assert await resolve(sharing, thread, sharing.owner) == done, "once more changes nothing"
        assert (await resolve(sharing, thread, somebody, resolved=False)).comment.resolved_at is None
        with pytest.raises(StateConflict):
            await resolve(sharing, reply, somebody)


async def test_a_deleted_comment_keeps_its_place_as_long_as_it_has_replies(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    await sharing.share(folder, ann)
    thread = await say(sharing, folder, ann, "secret", mentions=[sharing.owner], anchor=Anchor(2, 0.5, 0.25))
    replies = [await say(sharing, folder, to=thread) for _ in range(2)]
    await remove(sharing, thread, ann)
    place = (await read(sharing, folder))[0]
    assert (place.comment.text, place.author, place.mentioned) == (None, None, [])
    assert (place.comment.anchor, place.comment.deleted_at) == ((2, 0.5, 0.25), sharing.clock.now())
    assert await sharing.rows(f"SELECT 1 FROM comments WHERE text = 'secret' AND item_id = '{folder.id}'") == []
    await remove(sharing, thread, sharing.owner)
    with pytest.raises(StateConflict):
        await edit(sharing, thread, ann)
    replies.append(await say(sharing, folder, to=thread))
    assert (await resolve(sharing, thread)).comment.resolved_at is not None
    for reply in replies:
        assert await as_it_is(sharing, thread) is not None
        await remove(sharing, reply)
    assert await read(sharing, folder) == []
    assert await counted(sharing, folder) == (0, 0)
    kinds = [fact.type.split(".")[2] for fact in await told_of_comment(sharing, thread)]
    assert kinds == ["created", "deleted", "changed"]


async def test_changes_and_ends_keep_to_the_tag_they_were_made_for(sharing: Sharing) -> None:
    folder = await sharing.item()
    before = await say(sharing, folder)
    after = await edit(sharing, before)
    old, new = (Conditions(if_match=parse_tags(one.etag)) for one in (before, after))
    with pytest.raises(PreconditionFailed):
        await edit(sharing, before, text="Again", conditions=old)
    with pytest.raises(PreconditionFailed):
        await remove(sharing, before, conditions=old)
    await remove(sharing, before, conditions=new)


async def test_every_fact_tells_how_the_comment_stands_and_none_what_it_says(sharing: Sharing) -> None:
    ann, bob = await sharing.person(), await sharing.person()
    folder = await sharing.item("Plans")
    file = await sharing.item("plan", folder, "file")
    await sharing.share(folder, ann, bob)
    thread = await say(sharing, file, ann, "the words", mentions=[bob])
    await edit(sharing, thread, ann, "other words", mentions=[bob, sharing.owner])
    await resolve(sharing, thread)
    await resolve(sharing, thread, resolved=False)
    await remove(sharing, thread)
    made, edited, resolved, reopened, deleted = told = await told_of_comment(sharing, thread)
    assert [fact.type.split(".")[2] for fact in told] == ["created", "changed", "changed", "changed", "deleted"]
    assert [fact.revision for fact in told] == [1, 2, 3, 4, 5]
    assert [fact.actorid for fact in told] == [ann.user_id, ann.user_id, *[sharing.owner.user_id] * 3]
    for fact in told:
        assert (fact.data.item_id, fact.data.item_name, fact.data.item_kind) == (file.id, "plan", "file")
        assert (fact.data.thread_id, fact.data.ancestor_ids) == (thread.comment.id, file.above)
        assert (fact.ownerid, "words" in fact.to_json()) == (sharing.owner.user_id, False)
    assert (made.data.author_id, made.data.mentioned_ids, made.data.participant_ids) == (ann.user_id, (bob.user_id,), ())
    assert (edited.data.changes, edited.data.newly_mentioned_ids) == (("body", "mentions"), (sharing.owner.user_id,))
    assert (resolved.data.changes, resolved.data.resolved_by) == (("resolved",), sharing.owner.user_id)
    assert (reopened.data.changes, reopened.data.resolved_at) == (("resolved",), None)
    assert deleted.data.deleted_at == sharing.clock.now()


async def test_facts_name_only_people_who_may_see_the_item_at_that_moment(sharing: Sharing) -> None:
    ann, bob, brief, stranger = [await sharing.person() for _ in range(4)]
    folder = await sharing.item()
    await sharing.share(folder, ann)
    [bobs] = await sharing.share(folder, bob)
    await sharing.share(folder, brief, expires_at=sharing.clock.now() + timedelta(minutes=1))
    thread = await say(sharing, folder, bob, mentions=[stranger, brief, ann, sharing.owner])
    [made] = await told_of_comment(sharing, thread)
    assert made.data.mentioned_ids == (brief.user_id, ann.user_id, sharing.owner.user_id)
    assert [one.user_id for one in thread.mentioned] == [stranger.user_id, brief.user_id, ann.user_id, sharing.owner.user_id]
    await say(sharing, folder, brief, to=thread)
    sharing.clock.advance(minutes=1)
    reply = await say(sharing, folder, ann, to=thread, mentions=[brief])
    [told] = await told_of_comment(sharing, reply)
    assert (told.data.mentioned_ids, told.data.participant_ids) == ((), (bob.user_id,))
    async with sharing.client() as http:
        assert (await http.delete(f"/v1/shares/{bobs.share.id}")).status_code == 204
    reply = await say(sharing, folder, to=thread)
    [told] = await told_of_comment(sharing, reply)
    assert told.data.participant_ids == (ann.user_id,)


async def test_people_are_mentioned_by_id_or_name_and_only_if_they_are_known(sharing: Sharing) -> None:
    ann, gone = await sharing.person(), await sharing.person()
    await sharing.handle(told_of(gone, sequence=2, status="suspended"))
    folder = await sharing.item()

    async def mention(*named: Named) -> Any:
        remark = Remark(folder.id, "Hi", named)
        return (await add_comment(sharing.deps, sharing.owner, origin_of(sharing.owner), None, remark))[0]

    said = await mention(Named(None, str(ann.username).upper()), Named(ann.user_id, None))
    assert [one.username for one in said.mentioned] == [ann.username]
    with pytest.raises(ValidationFailed) as refused:
        await mention(Named(ann.user_id, None), Named(None, "nobody"), Named(gone.user_id, None))
    assert [error.pointer for error in refused.value.errors] == ["/mentions/1", "/mentions/2"]
    assert await counted(sharing, folder) == (1, 1), "what was refused is not counted"


@pytest.mark.parametrize("status", ["suspended", "deleted"])
async def test_who_has_no_account_in_use_is_shown_as_such_without_a_name(sharing: Sharing, status: str) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    await sharing.share(folder, ann, role="editor")
    thread = await say(sharing, folder, ann)
    await say(sharing, folder, mentions=[ann])
    before = (await resolve(sharing, thread, ann)).etag
    await sharing.handle(told_of(ann, sequence=2, status=status))
    mine, theirs = await read(sharing, folder)
    assert mine.etag != before
    for somebody in (mine.author, mine.resolved_by, theirs.mentioned[0]):
        assert somebody is not None
        assert (somebody.user_id, somebody.status) == (ann.user_id, status)
        assert (somebody.username, somebody.display_name) == (None, None)


async def test_who_was_not_heard_of_is_shown_without_a_name_until_auth_tells(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    await sharing.share(folder, ann)
    await say(sharing, folder, ann)
    await sharing.rows(f"DELETE FROM people WHERE user_id = '{ann.user_id}' RETURNING 1")
    [shown] = await read(sharing, folder)
    assert shown.author is not None
    assert (shown.author.status, shown.author.username) == ("unknown", None)
    await sharing.handle(told_of(ann, sequence=2))
    [shown] = await read(sharing, folder)
    assert shown.author is not None
    assert (shown.author.status, shown.author.username) == ("active", ann.username)


async def test_an_item_has_so_many_comments_and_no_more(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commenting, "MOST_ON_ITEM", 3)
    folder, other = await sharing.item(), await sharing.item("b")
    thread = await say(sharing, folder)
    replies = [await say(sharing, folder, to=thread) for _ in range(2)]
    for to in (None, thread):
        with pytest.raises(LimitReached):
            await say(sharing, folder, to=to)
    await say(sharing, other)
    await remove(sharing, replies[0])
    await say(sharing, folder, to=thread)
    assert await counted(sharing, folder) == (3, 3)


async def test_a_comment_sent_twice_is_said_once_and_answered_as_it_stands(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    [share] = await sharing.share(folder, ann)
    used = claim("key", principal=ann.grantee, route="POST /v1/comments", body={})

    async def send() -> Any:
        return await add_comment(sharing.deps, ann, origin_of(ann), used, Remark(folder.id, "Nice"))

    first, replayed = await send()
    assert not replayed
    assert await send() == (first, True)
    changed = await edit(sharing, first, ann)
    assert await send() == (changed, True)
    async with sharing.client() as http:
        await http.delete(f"/v1/shares/{share.share.id}")
    with pytest.raises(NotFound):
        await send()
    await remove(sharing, first)
    await sharing.share(folder, ann)
    with pytest.raises(NotFound):
        await send()
    assert await counted(sharing, folder) == (0, 0)


async def test_comments_go_with_their_item_page_by_page(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments_ending, "GONE_PAGE", 2)
    folder, kept = await sharing.item(), await sharing.item("kept")
    file = await sharing.item("file", folder, "file")
    for item in (folder, file, kept):
        thread = await say(sharing, item)
        for _ in range(4):
            await say(sharing, item, to=thread)
    silent = await sharing.item("silent", folder)
    purged = sharing.drive.purge(folder)
    before = len(await sharing.facts())
    await sharing.handle(*purged, *purged)
    with pytest.raises(NotFound):
        await read(sharing, file)
    assert (await counted(sharing, file), await counted(sharing, silent)) == ((5, 5), (0, 0))
    assert await remove_comments_of_gone(sharing.deps) == 10
    assert await remove_comments_of_gone(sharing.deps) == 0
    assert [await counted(sharing, item) for item in (folder, file, kept)] == [(0, 0), (0, 0), (5, 5)]
    assert len(await sharing.facts()) == before, "that the items are gone says it all"


@pytest.mark.parametrize("count", [1, 100])
async def test_a_page_costs_four_statements_however_long_it_is(sharing: Sharing, count: int) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    file = await sharing.item("file", folder, "file")
    await sharing.share(folder, ann)
    thread = await say(sharing, file, ann, mentions=[sharing.owner])
    for _ in range(count - 1):
        await say(sharing, file, to=thread)
    sharing.statements.clear()
    assert len(await read(sharing, file, ann, limit=100)) == count
    assert len(sharing.statements) == 4, sharing.statements


async def test_what_a_comment_costs_does_not_grow_with_those_before_it(sharing: Sharing) -> None:
    folder = await sharing.item()
    costs = []
    for _ in range(3):
        sharing.statements.clear()
        thread = await say(sharing, folder)
        costs.append(len(sharing.statements))
        for _ in range(5):
            await say(sharing, folder, to=thread)
    assert len(set(costs)) == 1
    assert costs[0] <= 8, sharing.statements
