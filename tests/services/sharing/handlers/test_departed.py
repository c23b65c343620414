"""Accounts that are closed for good: what they were given, gave and promised ends with them."""

import asyncio

import pytest

from coffer_chassis.etags import Conditions
from coffer_sharing.handlers import link_ending, settling
from coffer_sharing.handlers.links import NewLink, change_link, make_link
from coffer_sharing.store.invitations import lock_invitation
from coffer_sharing.store.links import link_by_id
from coffer_sharing.store.shares import lock_item
from factories.files import origin_of
from factories.sharing import Sharing, id_made, told_of


async def test_shares_end_with_the_account_of_either_side(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "PAGE", 2)
    ann, bob = await sharing.person(), await sharing.person()
    made = [(await sharing.share(await sharing.item(), ann))[0] for _ in range(3)]
    [kept] = await sharing.share(await sharing.item(), bob)
    await sharing.handle(told_of(ann, sequence=2, status="suspended"))
    await sharing.settle_all()
    assert {(await sharing.now(one)).ended_at for one in made} == {None}, "who is suspended comes back to what they had"
    await sharing.handle(told_of(ann, sequence=3, status="deleted"), told_of(ann, sequence=3, status="deleted"))
    await sharing.settle_all()
    assert {(await sharing.now(one)).end_reason for one in made} == {"account_deleted"}
    assert (await sharing.told(made[0]))[-1].data.reason == "account_deleted"
    assert (await sharing.now(kept)).ended_at is None
    door, _ = await make_link(
        sharing.deps, sharing.owner, origin_of(sharing.owner), None, NewLink((await sharing.item()).id, "view")
    )
    [promised] = await sharing.invite(await sharing.item(), f"x.{ann.username}@example.org")
    await sharing.handle(told_of(sharing.owner, sequence=2, status="deleted"))
    await sharing.settle_all()
    assert (await sharing.now(kept)).end_reason == "account_deleted"
    grant, shut = (await sharing.facts(f"grant/{door.link.id}"))[-1], (await sharing.facts(f"link/{door.link.id}"))[-1]
    assert (grant.data.reason, shut.data.reason) == ("account_deleted", "account_deleted")
    facts = await sharing.facts(f"invitation/{promised.invitation.id}")
    assert facts[-1].data.reason == "account_deleted"


async def test_visitors_of_links_are_out_while_their_maker_is_suspended(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_ending, "EXPIRE_PAGE", 2)
    wanted = NewLink((await sharing.item()).id, "download")
    made = [(await make_link(sharing.deps, sharing.owner, origin_of(sharing.owner), None, wanted))[0].link for _ in range(4)]
    shut = made.pop()
    fields = {"disabled": True}
    await change_link(sharing.deps, sharing.owner, origin_of(sharing.owner), shut.id, fields, Conditions())
    before = await sharing.facts()
    for _ in range(2):
        await sharing.handle(told_of(sharing.owner, sequence=2, status="suspended"))
        await sharing.settle_all()
    told = (await sharing.facts())[len(before) :]
    assert {(one.type, one.data.family_id, one.data.reason) for one in told} == {
        ("sharing.link.sessions_ended.v1", link.family_id, "account_suspended") for link in made
    }
    assert len(told) == len(made)
    await sharing.handle(told_of(sharing.owner, sequence=3))
    await sharing.settle_all()
    async with sharing.deps.work.read() as connection:
        now = [await link_by_id(connection, link.id) for link in made]
    assert all(one is not None and not one.leads_nowhere for one in now), "the links are there again"
    assert {link.family_id for link in made}.isdisjoint(one.family_id for one in now if one)


async def test_what_somebody_promised_ends_while_their_drive_is_purged_in_another_order(sharing: Sharing) -> None:
    made = [(await sharing.invite(await sharing.item(), f"{place}.{id_made()}@example.org"))[0].invitation for place in "ab"]
    first, second = sorted(made, key=lambda one: one.id)
    async with sharing.engine.begin() as purging:
        await lock_item(purging, second.item_id)
        await lock_invitation(purging, second.id)
        await sharing.handle(told_of(sharing.owner, sequence=2, status="deleted"))
        ending = asyncio.create_task(sharing.settle_all())
        await sharing.somebody_waits()
        assert await lock_item(purging, first.item_id)
        assert await lock_invitation(purging, first.id)
    await ending
    for one in made:
        assert (await sharing.facts(f"invitation/{one.id}"))[-1].data.reason == "account_deleted"
    assert await sharing.rows("SELECT 1 FROM people WHERE look_at IS NOT NULL") == []
