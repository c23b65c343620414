"""What facts from elsewhere do: once, twice, out of order, and when the transaction breaks."""

import itertools
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.copies.tree import standings
from coffer_chassis.identity import Principal
from coffer_contracts.auth import SessionRevokedV1, UserVerifiedV1
from coffer_contracts.auth_factors import TokenRevokedV1
from coffer_contracts.catalog import CATALOG
from coffer_contracts.ids import SessionId, TokenId
from coffer_sharing.handlers.reactions import PEOPLE_TABLE, TREE_TABLE
from coffer_sharing.store.tables import chassis, people, tree
from factories.comments import say
from factories.events import arrived
from factories.files import person
from factories.sharing import Item, Sharing, id_made, told_of


async def standing(sharing: Sharing, item: Item) -> Any:
    async with sharing.deps.work.read() as connection:
        return (await standings(connection, tree, [item.id])).get(item.id)


async def test_the_copy_follows_the_tree(sharing: Sharing) -> None:
    one, other = await sharing.item("one"), await sharing.item("other")
    file = await sharing.item("file", one, "file")
    at = await standing(sharing, file)
    assert (at.kind, at.name, at.ancestor_ids, at.is_live) == ("file", "file", (sharing.root.id, one.id), True)
    await sharing.handle(sharing.drive.change(file, name="new", parent=other))
    at = await standing(sharing, file)
    assert (at.name, at.ancestor_ids) == ("new", (sharing.root.id, other.id))
    await sharing.handle(sharing.drive.trash(other))
    assert not (await standing(sharing, file)).is_live
    await sharing.handle(sharing.drive.restore(other))
    assert (await standing(sharing, file)).is_live
    await sharing.handle(*sharing.drive.purge(other))
    assert await standing(sharing, file) is None


async def test_facts_about_an_item_in_any_order_end_in_the_newest(sharing: Sharing) -> None:
    for order in itertools.permutations(range(4)):
        item, made = sharing.drive.make("a", sharing.root)
        facts: list[Any] = [made, sharing.drive.change(item, name="b"), sharing.drive.trash(item), sharing.drive.restore(item)]
        for position in order:
            await sharing.handle(facts[position])
        at = await standing(sharing, item)
        assert (at.name, at.is_live) == ("b", True)


async def test_an_item_that_is_gone_stays_gone_whatever_comes_late(sharing: Sharing) -> None:
    item, made = sharing.drive.make("a", sharing.root)
    renamed = sharing.drive.change(item, name="b")
    [gone] = sharing.drive.purge(item)
    for fact in (gone, made, renamed):
        await sharing.handle(fact)
        assert await standing(sharing, item) is None


async def test_a_purge_ends_every_share_of_the_item_and_says_so(sharing: Sharing) -> None:
    ann, bob = await sharing.person(), await sharing.person()
    folder = await sharing.item("Folder")
    file = await sharing.item("file", folder, "file")
    beside = await sharing.item("beside")
    ending = [*await sharing.share(folder, ann, bob), *await sharing.share(file, ann)]
    [staying] = await sharing.share(beside, ann)
    sharing.clock.advance(minutes=1)
    purge = sharing.drive.purge(folder)
    await sharing.handle(*purge)
    for one in ending:
        share = await sharing.now(one)
        assert (share.end_reason, share.ended_at, share.revision) == ("item_purged", sharing.clock.now(), 2)
        removed, told = (await sharing.told(one))[2:]
        assert (removed.type, removed.data.reason, removed.revision) == ("sharing.grant.removed.v1", "item_purged", 2)
        assert (told.type, told.data.reason, told.data.item_name) == ("sharing.share.revoked.v1", "item_purged", one.name)
        assert told.causationid in {fact.id for fact in purge}
    assert (await sharing.now(staying)).ended_at is None


async def test_a_purge_of_something_unknown_leaves_a_tombstone(sharing: Sharing) -> None:
    item, _ = sharing.drive.make("never told", sharing.root)
    await sharing.handle(*sharing.drive.purge(item))
    [row] = await sharing.rows(select(tree).where(tree.c.item_id == item.id))
    assert row.purged_at is not None


async def test_people_are_known_by_their_newest_names(sharing: Sharing) -> None:
    ann = await sharing.person("old.name." + id_made()[-6:])
    newer = told_of(ann, sequence=3, username="newest", display_name="Newest")
    await sharing.handle(newer, told_of(ann, sequence=2, username="between"), told_of(ann))
    [row] = await sharing.rows(select(people).where(people.c.user_id == ann.user_id))
    assert (row.username, row.display_name, row.sequence) == ("newest", "Newest", 3)


async def test_somebody_restated_at_the_same_revision_changes_nothing(sharing: Sharing) -> None:
    ann = await sharing.person()
    before = await sharing.rows(select(people).where(people.c.user_id == ann.user_id))
    restated = told_of(ann, sequence=2).data.model_copy(update={"display_name": "Other"})
    await sharing.handle(arrived(restated, sequence=1, source="/auth"))
    assert await sharing.rows(select(people).where(people.c.user_id == ann.user_id)) == before


def standing_otherwise(somebody: Principal, wire_type: str) -> Any:
    """A later fact about an account, with another name to be called by."""
    known = told_of(somebody, sequence=2, display_name="Changed").data.model_dump(exclude={"changes", "fields"})
    return arrived(CATALOG[wire_type](**known), sequence=2, source="/auth")


async def test_a_proved_address_is_known_as_such(sharing: Sharing) -> None:
    ann = await sharing.person()
    claimed = told_of(ann, sequence=2, email="ann@example.org", email_verified=False)
    proved = UserVerifiedV1(**claimed.data.model_dump(exclude={"changes", "fields"}) | {"email_verified": True})
    for fact in (arrived(proved, sequence=3, source="/auth"), claimed):
        await sharing.handle(fact)
    [row] = await sharing.rows(select(people).where(people.c.user_id == ann.user_id))
    assert (row.address_key, row.sequence) == (sharing.deps.addresses.key_of("ANN@example.org"), 3)


def revoked(somebody: Principal, sharing: Sharing) -> Any:
    now = sharing.clock.now()
    fact = SessionRevokedV1(
        session_id=SessionId(id_made()),
        user_id=somebody.user_id,
        reason="logout",
        revoked_at=now,
        tokens_expire_at=now.replace(hour=13),
    )
    return arrived(fact, sequence=2, source="/auth")


def token_revoked(somebody: Principal, sharing: Sharing) -> Any:
    now = sharing.clock.now()
    fact = TokenRevokedV1(
        token_id=TokenId(id_made()),
        user_id=somebody.user_id,
        name="backup",
        scopes=("files:read",),
        created_at=now,
        expires_at=now.replace(hour=13),
        reason="revoked",
        revoked_at=now,
    )
    return arrived(fact, sequence=2, source="/auth")


class Crash(Exception):
    """The process dies."""


FACTS = sorted({*TREE_TABLE, *PEOPLE_TABLE})


async def fact_of(sharing: Sharing, wire_type: str) -> Any:
    """A fact of the type that has something to do."""
    item = await sharing.item("a")
    ann = await sharing.person()
    await sharing.share(item, ann)
    await say(sharing, item, ann)
    match wire_type:
        case "files.item.created.v1":
            return sharing.drive.make("new", sharing.root)[1]
        case "files.item.changed.v1":
            return sharing.drive.change(item, name="b")
        case "files.item.trashed.v1":
            return sharing.drive.trash(item)
        case "files.item.restored.v1":
            await sharing.handle(sharing.drive.trash(item))
            return sharing.drive.restore(item)
        case "files.item.purged.v1":
            return sharing.drive.purge(item)[0]
        case "files.item.committed.v1":
            return sharing.drive.make("f", sharing.root, "file")[1]
        case "auth.user.registered.v1":
            return told_of(person(id_made(), username=f"new{id_made()[-8:]}"))
        case "auth.token.revoked.v1":
            return token_revoked(ann, sharing)
        case "auth.session.revoked.v1":
            return revoked(ann, sharing)
    return standing_otherwise(ann, wire_type)


@pytest.mark.slow
@pytest.mark.parametrize("wire_type", FACTS)
async def test_every_fact_has_its_effect_once_and_a_crash_before_the_commit_leaves_nothing(
    sharing: Sharing, wire_type: str
) -> None:
    fact = await fact_of(sharing, wire_type)
    row = {**TREE_TABLE, **PEOPLE_TABLE}[wire_type]
    before = await sharing.everything()

    async def crash() -> None:
        async with sharing.deps.work.unit(cause=fact, consumer="test") as unit:
            await row.run(fact, unit, sharing.deps)
            await unit.flush(chassis)
            raise Crash

    with pytest.raises(Crash):
        await crash()
    assert await sharing.everything() == before
    await sharing.handle(fact)
    after = await sharing.everything()
    assert after != before
    await sharing.handle(fact)
    assert await sharing.everything() == after


@pytest.mark.slow
@pytest.mark.parametrize("wire_type", FACTS)
async def test_the_same_fact_under_another_delivery_id_changes_no_row_but_the_inbox(sharing: Sharing, wire_type: str) -> None:
    fact = await fact_of(sharing, wire_type)
    await sharing.handle(fact)
    before = await sharing.everything()
    await sharing.handle(fact.model_copy(update={"id": id_made()}))
    after = await sharing.everything()
    changed = [one != other for one, other in zip(before, after, strict=True)]
    assert [place for place, differs in enumerate(changed) if differs] == [9]


async def test_only_what_changed_the_copy_wakes_those_who_wait(sharing: Sharing) -> None:
    item, made = sharing.drive.make("a", sharing.root)
    for fact, wakes in ((made, True), (sharing.drive.restate(item), False)):
        news = sharing.deps.arrivals.coming()
        await sharing.handle(fact)
        assert news.is_set() is wakes
