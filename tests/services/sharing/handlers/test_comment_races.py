"""What happens when two do something about the same comment, or its item, at the same moment."""

import asyncio
from typing import Any

import pytest

from coffer_chassis import idempotency
from coffer_chassis.idempotency import claim
from coffer_contracts.problems import LimitReached, NotFound, Problem, StateConflict, ValidationFailed
from coffer_sharing.handlers import comments as commenting
from coffer_sharing.handlers.comments import Remark, add_comment
from coffer_sharing.handlers.comments_ending import remove_comments_of_gone
from coffer_sharing.store.shares import lock_item
from factories.comments import as_it_is, counted, edit, read, remove, resolve, say, told_of_comment
from factories.files import origin_of
from factories.sharing import Sharing


def refusals(results: Any) -> list[Problem]:
    wrong = [result for result in results if isinstance(result, BaseException)]
    refused = [result for result in wrong if isinstance(result, Problem)]
    assert refused == wrong
    return refused


async def revisions(sharing: Sharing, comment: Any) -> list[int]:
    return [fact.revision for fact in await told_of_comment(sharing, comment)]


@pytest.mark.parametrize("round_", range(4))
async def test_an_edit_and_a_deletion_at_once_leave_nothing_and_whole_sequences(sharing: Sharing, round_: int) -> None:
    folder = await sharing.item()
    comment = await say(sharing, folder)
    commands = [
        edit(sharing, comment, text="a"),
        remove(sharing, comment),
        edit(sharing, comment, text="b"),
        remove(sharing, comment),
        resolve(sharing, comment),
    ]
    results = await asyncio.gather(*commands[round_:], *commands[:round_], return_exceptions=True)
    assert all(isinstance(refusal, NotFound) for refusal in refusals(results))
    assert await as_it_is(sharing, comment) is None
    told = await told_of_comment(sharing, comment)
    assert [fact.revision for fact in told] == list(range(1, len(told) + 1))
    assert [fact.type for fact in told].count("sharing.comment.deleted.v1") == 1
    assert told[-1].type == "sharing.comment.deleted.v1"
    assert await counted(sharing, folder) == (0, 0)


async def test_of_two_who_resolve_at_once_one_did(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    await sharing.share(folder, ann, role="editor")
    thread = await say(sharing, folder)
    done = await asyncio.gather(*(resolve(sharing, thread, somebody) for somebody in [ann, sharing.owner] * 3))
    assert len({one.comment.resolved_by for one in done}) == 1
    assert await revisions(sharing, thread) == [1, 2]


async def test_edits_at_once_are_told_in_the_order_in_which_they_were_written(sharing: Sharing) -> None:
    folder = await sharing.item()
    comment = await say(sharing, folder)
    await asyncio.gather(*(edit(sharing, comment, text=str(number)) for number in range(6)))
    now = await as_it_is(sharing, comment)
    assert now is not None
    assert now.revision == 7
    assert await revisions(sharing, comment) == list(range(1, 8))


@pytest.mark.parametrize("round_", range(3))
async def test_replies_and_the_end_of_what_they_reply_to_at_once(sharing: Sharing, round_: int) -> None:
    """A reply either came before, and then the place of the thread is kept for it, or it is refused."""
    folder = await sharing.item()
    thread = await say(sharing, folder)
    replying = [say(sharing, folder, to=thread) for _ in range(4)]
    results = await asyncio.gather(*replying[:round_], remove(sharing, thread), *replying[round_:], return_exceptions=True)
    assert all(isinstance(refusal, ValidationFailed | StateConflict) for refusal in refusals(results))
    replies = [one for one in results if one is not None and not isinstance(one, BaseException)]
    place = await as_it_is(sharing, thread)
    assert (place is not None and place.replies == len(replies)) if replies else place is None
    assert len(await read(sharing, folder)) == (len(replies) + 1 if replies else 0)
    assert len(set(await counted(sharing, folder))) == 1


async def test_the_last_replies_that_go_at_once_take_the_place_with_them(sharing: Sharing) -> None:
    folder = await sharing.item()
    thread = await say(sharing, folder)
    replies = [await say(sharing, folder, to=thread) for _ in range(5)]
    await remove(sharing, thread)
    await asyncio.gather(*(remove(sharing, reply) for reply in replies))
    assert await counted(sharing, folder) == (0, 0)


async def test_of_many_at_once_no_more_are_let_in_than_an_item_may_have(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commenting, "MOST_ON_ITEM", 3)
    folder = await sharing.item()
    results = await asyncio.gather(*(say(sharing, folder) for _ in range(8)), return_exceptions=True)
    refused = refusals(results)
    assert len(refused) == 5
    assert all(isinstance(refusal, LimitReached) for refusal in refused)
    assert await counted(sharing, folder) == (3, 3)


async def test_the_same_request_sent_twice_at_once_has_one_effect_and_one_answer(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_MILLISECONDS", 60_000)
    folder = await sharing.item()
    used = claim("twin", principal=sharing.owner.grantee, route="POST /v1/comments", body={})
    by = origin_of(sharing.owner)
    sending = (add_comment(sharing.deps, sharing.owner, by, used, Remark(folder.id, "Nice")) for _ in range(4))
    answers = await asyncio.gather(*sending)
    assert len({shown.comment.id for shown, _ in answers}) == 1
    assert sorted(replayed for _, replayed in answers) == [False, True, True, True]


async def test_an_item_that_goes_while_somebody_comments_takes_the_comment_with_it(sharing: Sharing) -> None:
    folder = await sharing.item()
    async with sharing.deps.work.unit(origin_of(sharing.owner)) as unit:
        assert await lock_item(unit.connection, folder.id)
        saying = asyncio.create_task(say(sharing, folder))
        await sharing.somebody_waits(1)
        going = asyncio.create_task(sharing.handle(*sharing.drive.purge(folder)))
        await sharing.somebody_waits(2)
    await asyncio.gather(saying, going)
    assert await remove_comments_of_gone(sharing.deps) == 1
    assert await counted(sharing, folder) == (0, 0)


@pytest.mark.parametrize("round_", range(3))
async def test_no_comment_is_left_of_an_item_that_is_gone(sharing: Sharing, round_: int) -> None:
    folder = await sharing.item()
    await say(sharing, folder)
    saying = [say(sharing, folder) for _ in range(4)]
    results = await asyncio.gather(
        *saying[:round_], sharing.handle(*sharing.drive.purge(folder)), *saying[round_:], return_exceptions=True
    )
    assert all(isinstance(refusal, NotFound) for refusal in refusals(results))
    await asyncio.gather(*(remove_comments_of_gone(sharing.deps) for _ in range(3)))
    assert await counted(sharing, folder) == (0, 0)
