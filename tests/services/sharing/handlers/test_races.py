"""What happens when two do something about the same share at the same moment."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from coffer_chassis import idempotency
from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import claim
from coffer_contracts.problems import AlreadyShared, NotFound, Problem
from coffer_sharing.domain import Named, Wish
from coffer_sharing.handlers.changing import change_share, leave_share, revoke_share
from coffer_sharing.handlers.ending import expire
from coffer_sharing.handlers.giving import Gift, share_item
from coffer_sharing.store.shares import lock_item, lock_share
from coffer_sharing.store.tables import shares
from factories.files import origin_of
from factories.sharing import Item, Sharing

ANY = Conditions()


async def active(sharing: Sharing, item: Item) -> int:
    counted = select(func.count()).where(shares.c.item_id == item.id, shares.c.ended_at.is_(None))
    return int((await sharing.rows(counted))[0][0])


async def revoke(sharing: Sharing, shown: Any) -> None:
    await revoke_share(sharing.deps, sharing.owner, origin_of(sharing.owner), shown.share.id, ANY)


async def change(sharing: Sharing, shown: Any, **wish: Any) -> Any:
    return await change_share(sharing.deps, sharing.owner, origin_of(sharing.owner), shown.share.id, Wish(**wish), ANY)


def problems(results: Any) -> list[Problem]:
    wrong = [result for result in results if isinstance(result, BaseException)]
    refused = [result for result in wrong if isinstance(result, Problem)]
    assert refused == wrong
    return refused


async def sequences_are_whole(sharing: Sharing, shown: Any) -> None:
    """Every revision of a share was told once, of the grant and of the share."""
    told = await sharing.told(shown)
    for subject in ("grant", "share"):
        revisions = [fact.revision for fact in told if fact.subject.startswith(subject)]
        assert revisions == list(range(1, (await sharing.now(shown)).revision + 1))


async def test_of_several_who_share_with_the_same_person_one_does(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    results = await asyncio.gather(*(sharing.share(folder, ann) for _ in range(6)), return_exceptions=True)
    refused = problems(results)
    assert len(refused) == 5
    assert all(isinstance(refusal, AlreadyShared) for refusal in refused)
    [(made,)] = [result for result in results if isinstance(result, list)]
    assert {refusal.extensions["existing"]["id"] for refusal in refused} == {made.share.id}  # type: ignore[index]  # its own form
    assert await active(sharing, folder) == 1


async def test_groups_that_overlap_are_shared_with_whole_or_not_at_all(sharing: Sharing) -> None:
    people, folder = [await sharing.person() for _ in range(4)], await sharing.item()
    groups = [people[:3], people[:0:-1], [people[3], people[0]], people[::-1]]
    results = await asyncio.gather(*(sharing.share(folder, *group) for group in groups), return_exceptions=True)
    assert all(isinstance(refusal, AlreadyShared) for refusal in problems(results))
    made = [shown for result in results if isinstance(result, list) for shown in result]
    assert await active(sharing, folder) == len(made) > 0


async def test_the_same_request_sent_twice_at_once_has_one_effect_and_one_answer(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_MILLISECONDS", 60_000)
    ann, folder = await sharing.person(), await sharing.item()
    used = claim("twin", principal=sharing.owner.grantee, route="POST /v1/shares", body={})
    gift = Gift(folder.id, [Named(ann.user_id, None)], "viewer")
    sending = (share_item(sharing.deps, sharing.owner, origin_of(sharing.owner), used, gift) for _ in range(4))
    answers = await asyncio.gather(*sending)
    assert len({shown.share.id for made, _ in answers for shown in made.shares}) == 1
    assert sorted(replayed for _, replayed in answers) == [False, True, True, True]


async def test_a_share_that_is_revoked_at_this_moment_is_waited_for_and_then_in_nobodys_way(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    [first] = await sharing.share(folder, ann)
    async with sharing.deps.work.unit(origin_of(sharing.owner)) as unit:
        held = await lock_share(unit.connection, first.share.id)
        assert held is not None
        again = asyncio.create_task(sharing.share(folder, ann))
        revoking = asyncio.create_task(revoke(sharing, first))
        await sharing.somebody_waits(2)
    results = await asyncio.gather(again, revoking, return_exceptions=True)
    # Whoever came first: the new share stands, or it was refused because the old one still stood.
    assert await active(sharing, folder) == (0 if problems(results) else 1)


@pytest.mark.parametrize("round_", range(4))
async def test_a_change_and_an_end_at_once_leave_an_ended_share_and_whole_sequences(sharing: Sharing, round_: int) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    [shown] = await sharing.share(folder, ann)
    commands = [
        change(sharing, shown, role="editor"),
        revoke(sharing, shown),
        leave_share(sharing.deps, ann, origin_of(ann), shown.share.id),
        change(sharing, shown, expires_at=sharing.clock.now() + timedelta(days=1)),
        revoke(sharing, shown),
    ]
    results = await asyncio.gather(*commands[round_:], *commands[:round_], return_exceptions=True)
    assert all(isinstance(refusal, NotFound) for refusal in problems(results))
    share = await sharing.now(shown)
    assert share.end_reason in {"revoked", "left"}
    await sequences_are_whole(sharing, shown)
    assert len([fact for fact in await sharing.told(shown) if fact.type == "sharing.grant.removed.v1"]) == 1


async def test_changes_at_once_are_told_in_the_order_in_which_they_were_written(sharing: Sharing) -> None:
    [shown] = await sharing.share(await sharing.item(), await sharing.person())
    moments = [sharing.clock.now() + timedelta(days=number) for number in range(1, 7)]
    await asyncio.gather(*(change(sharing, shown, expires_at=moment) for moment in moments))
    share = await sharing.now(shown)
    grants = [fact for fact in await sharing.told(shown) if fact.type == "sharing.grant.set.v1"]
    assert (share.revision, grants[-1].data.expires_at) == (7, share.expires_at)
    await sequences_are_whole(sharing, shown)


async def test_an_item_that_goes_while_it_is_shared_takes_the_share_with_it(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    async with sharing.deps.work.unit(origin_of(sharing.owner)) as unit:
        assert await lock_item(unit.connection, folder.id)
        giving = asyncio.create_task(sharing.share(folder, ann))
        await sharing.somebody_waits(1)
        going = asyncio.create_task(sharing.handle(*sharing.drive.purge(folder)))
        await sharing.somebody_waits(2)
    [shown], _ = await asyncio.gather(giving, going)
    assert (await sharing.now(shown)).end_reason == "item_purged"
    await sequences_are_whole(sharing, shown)


@pytest.mark.parametrize("round_", range(4))
async def test_no_active_share_is_left_of_an_item_that_is_gone(sharing: Sharing, round_: int) -> None:
    people, folder = [await sharing.person() for _ in range(5)], await sharing.item()
    giving = [sharing.share(folder, somebody) for somebody in people]
    results = await asyncio.gather(
        *giving[:round_], sharing.handle(*sharing.drive.purge(folder)), *giving[round_:], return_exceptions=True
    )
    assert all(isinstance(refusal, NotFound) for refusal in problems(results))
    assert await active(sharing, folder) == 0


async def test_time_and_owner_at_once_end_a_share_once(sharing: Sharing) -> None:
    people, folder = [await sharing.person() for _ in range(5)], await sharing.item()
    made = await sharing.share(folder, *people, expires_at=sharing.clock.now() + timedelta(seconds=1))
    sharing.clock.advance(seconds=1)
    await asyncio.gather(
        expire(sharing.deps), *(revoke(sharing, shown) for shown in made), expire(sharing.deps), expire(sharing.deps)
    )
    await expire(sharing.deps)
    for shown in made:
        assert (await sharing.now(shown)).end_reason == "expired"
        await sequences_are_whole(sharing, shown)
