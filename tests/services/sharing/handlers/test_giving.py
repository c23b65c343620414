"""Sharing an item: what is made and told, and everything that can be in the way."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from coffer_chassis.idempotency import claim
from coffer_contracts.ids import UserId
from coffer_contracts.problems import (
    AlreadyShared,
    Forbidden,
    IdempotencyKeyReuse,
    NotFound,
    StateConflict,
    ValidationFailed,
)
from coffer_sharing.domain import Named
from coffer_sharing.handlers.giving import Gift, share_item
from coffer_sharing.store.tables import shares
from factories.files import origin_of
from factories.sharing import Item, Sharing, id_made, told_of


async def give(sharing: Sharing, item: Item | Any, *named: Named, by: Any = None, used: Any = None, **more: Any) -> Any:
    somebody = by or sharing.owner
    gift = Gift(item.id if isinstance(item, Item) else item, named, **{"role": "viewer", **more})
    made, replayed = await share_item(sharing.deps, somebody, origin_of(somebody), used, gift)
    return made.shares, replayed


def by_id(somebody: Any) -> Named:
    return Named(somebody.user_id, None)


async def count(sharing: Sharing, item: Item) -> int:
    return int((await sharing.rows(select(func.count()).select_from(shares).where(shares.c.item_id == item.id)))[0][0])


async def test_a_share_is_written_and_told_with_its_grant(sharing: Sharing) -> None:
    ann, folder = await sharing.person("ann.given"), await sharing.item("Letters")
    ends = sharing.clock.now() + timedelta(days=7)
    [shown] = await sharing.share(folder, ann, role="editor", message="Look!", expires_at=ends, notify=False)
    share = await sharing.now(shown)
    assert (share.item_id, share.owner_id, share.granted_by) == (folder.id, sharing.owner.user_id, sharing.owner.user_id)
    assert (share.recipient_id, share.role, share.message, share.expires_at) == (ann.user_id, "editor", "Look!", ends)
    assert (share.revision, share.ended_at, share.created_at) == (1, None, sharing.clock.now())
    granted, told = await sharing.told(share)
    assert (granted.type, told.type) == ("sharing.grant.set.v1", "sharing.share.created.v1")
    assert (granted.revision, told.revision) == (1, 1)
    assert (granted.data.grantee, granted.data.rights) == (f"user/{ann.user_id}", ("read", "write", "delete"))
    assert (granted.data.expires_at, granted.data.granted_at) == (ends, share.created_at)
    assert (told.data.item_kind, told.data.item_name) == ("folder", "Letters")
    assert (told.data.message, told.data.notify, told.data.recipient_id) == ("Look!", False, ann.user_id)
    for fact in (granted, told):
        assert (fact.ownerid, fact.actorid, fact.source) == (sharing.owner.user_id, sharing.owner.user_id, "/sharing")


async def test_several_people_are_named_in_any_way_and_answered_in_order(sharing: Sharing) -> None:
    people = [await sharing.person(f"Several{number}.{id_made()[-6:]}") for number in range(4)]
    folder = await sharing.item()
    named = [by_id(people[2]), *(Named(None, str(people[n].username).upper()) for n in (0, 3)), by_id(people[1])]
    made, _ = await give(sharing, folder, *named)
    assert [one.share.recipient_id for one in made] == [people[n].user_id for n in (2, 0, 3, 1)]
    assert [one.people.recipient.username for one in made] == [people[n].username for n in (2, 0, 3, 1)]


@pytest.mark.parametrize("status", ["suspended", "deleted"])
async def test_people_who_cannot_be_shared_with_are_all_pointed_at_and_nobody_is_given_anything(
    sharing: Sharing, status: str
) -> None:
    ann, gone = await sharing.person(), await sharing.person(status=status)
    folder = await sharing.item()
    named = [by_id(ann), Named(None, "nobody.of.this.name"), by_id(gone), Named(UserId(id_made()), None), by_id(sharing.owner)]
    with pytest.raises(ValidationFailed) as refused:
        await give(sharing, folder, *named, Named(None, ann.username))
    assert [(error.pointer, error.code) for error in refused.value.errors] == [
        ("/recipients/1", "unknown_person"),
        ("/recipients/2", "unknown_person"),
        ("/recipients/3", "unknown_person"),
        ("/recipients/4", "yourself"),
        ("/recipients/5", "duplicate"),
    ]
    assert await count(sharing, folder) == 0


async def test_a_name_that_changed_hands_means_whoever_has_it_now(sharing: Sharing) -> None:
    name = f"swapped.{id_made()[-6:]}"
    await sharing.person(name)
    newer = await sharing.person(f"before.{id_made()[-6:]}")
    await sharing.handle(told_of(newer, sequence=2, username=name))
    made, _ = await give(sharing, await sharing.item(), Named(None, name))
    assert made[0].share.recipient_id == newer.user_id


async def test_sharing_with_somebody_who_has_it_already_is_refused_with_their_share(sharing: Sharing) -> None:
    ann, bob, folder = await sharing.person(), await sharing.person(), await sharing.item()
    [first] = await sharing.share(folder, ann)
    before = await sharing.everything()
    with pytest.raises(AlreadyShared) as refused:
        await sharing.share(folder, bob, ann, role="editor")
    assert refused.value.extensions["existing"] == {"id": first.share.id, "recipient_id": ann.user_id}
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/recipients/1", "already_shared")]
    assert await sharing.everything() == before


async def test_a_share_that_is_over_is_in_nobodys_way_whether_it_was_swept_or_not(sharing: Sharing) -> None:
    ann, bob, folder = await sharing.person(), await sharing.person(), await sharing.item()
    [first] = await sharing.share(folder, ann, expires_at=sharing.clock.now() + timedelta(seconds=1))
    sharing.clock.advance(seconds=1)
    again = await sharing.share(folder, bob, ann)
    assert [one.share.recipient_id for one in again] == [bob.user_id, ann.user_id]
    over = await sharing.now(first)
    assert (over.end_reason, over.revision) == ("expired", 2)
    assert [fact.type for fact in (await sharing.told(first))[2:]] == ["sharing.grant.removed.v1", "sharing.share.revoked.v1"]
    assert all([(await sharing.now(one)).ended_at is None for one in again])


async def test_what_is_unknown_gone_or_not_theirs_is_the_same_refusal(sharing: Sharing) -> None:
    ann, stranger = await sharing.person(), await sharing.person()
    folder, gone = await sharing.item(), await sharing.item()
    await sharing.handle(*sharing.drive.purge(gone))
    refusals = []
    for item, by in ((folder, stranger), (gone, sharing.owner), (id_made(), sharing.owner), (gone, stranger)):
        with pytest.raises(NotFound) as refused:
            await give(sharing, item, by_id(ann), by=by)
        refusals.append((refused.value.detail, refused.value.extensions, refused.value.errors))
    assert len({str(refusal) for refusal in refusals}) == 1


@pytest.mark.parametrize("role", ["viewer", "editor"])
async def test_who_may_only_see_or_edit_may_not_share(sharing: Sharing, role: Any) -> None:
    ann, bob = await sharing.person(), await sharing.person()
    folder = await sharing.item()
    file = await sharing.item("f", folder, "file")
    await sharing.share(folder, ann, role=role)
    for item in (folder, file):
        with pytest.raises(Forbidden):
            await give(sharing, item, by_id(bob), by=ann)


async def test_the_root_of_a_drive_is_not_shared(sharing: Sharing) -> None:
    with pytest.raises(StateConflict):
        await sharing.share(sharing.root, await sharing.person())


@pytest.mark.parametrize("where", ["in", "below"])
async def test_what_is_in_the_trash_is_not_shared_and_hidden_from_others(sharing: Sharing, where: str) -> None:
    ann, bob = await sharing.person(), await sharing.person()
    folder = await sharing.item()
    inner = await sharing.item("inner", folder)
    file = await sharing.item("f", inner, "file")
    await sharing.share(folder, ann, role="editor")
    await sharing.handle(sharing.drive.trash(file if where == "in" else inner))
    with pytest.raises(StateConflict):
        await sharing.share(file, bob)
    with pytest.raises(NotFound):
        await give(sharing, file, by_id(bob), by=ann)


async def test_an_end_that_has_come_is_refused(sharing: Sharing) -> None:
    with pytest.raises(ValidationFailed):
        await sharing.share(await sharing.item(), await sharing.person(), expires_at=sharing.clock.now())


async def test_the_same_key_gives_the_same_shares_once_even_when_the_item_is_gone_by_then(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    used = claim("once", principal=sharing.owner.grantee, route="POST /v1/shares", body={"a": 1})
    [first], replayed = await give(sharing, folder, by_id(ann), used=used)
    assert not replayed
    [again], replayed = await give(sharing, folder, by_id(ann), used=used)
    assert replayed
    assert again == first
    await sharing.handle(*sharing.drive.purge(folder))
    [gone], replayed = await give(sharing, folder, by_id(ann), used=used)
    assert replayed
    assert (gone.share.id, gone.share.end_reason) == (first.share.id, "item_purged")
    assert await count(sharing, folder) == 1
    other = claim("once", principal=sharing.owner.grantee, route="POST /v1/shares", body={"a": 2})
    with pytest.raises(IdempotencyKeyReuse):
        await give(sharing, folder, by_id(ann), used=other)


async def test_a_refused_request_leaves_its_key_unused(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    used = claim("again", principal=sharing.owner.grantee, route="POST /v1/shares", body={})
    with pytest.raises(ValidationFailed):
        await give(sharing, folder, Named(None, "nobody.of.this.name"), used=used)
    _, replayed = await give(sharing, folder, by_id(ann), used=used)
    assert not replayed


async def test_sharing_with_many_costs_as_many_statements_as_with_one(sharing: Sharing) -> None:
    people = [await sharing.person() for _ in range(12)]

    async def cost(*some: Any) -> int:
        folder = await sharing.item()
        sharing.statements.clear()
        await sharing.share(folder, *some)
        return len(sharing.statements)

    assert await cost(people[0]) == await cost(*people) == 5
