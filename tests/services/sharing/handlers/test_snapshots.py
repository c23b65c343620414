"""Telling again how every grant stands, so that a copy can be rebuilt from nothing."""

from datetime import timedelta
from typing import Any

import pytest

from coffer_chassis.etags import Conditions
from coffer_chassis.snapshots import Source, restate_all
from coffer_sharing.domain import Wish
from coffer_sharing.handlers import snapshots
from coffer_sharing.handlers.changing import change_share, revoke_share
from coffer_sharing.handlers.links import NewLink, change_link, delete_link, make_link
from coffer_sharing.handlers.snapshots import grants, link_grants
from coffer_sharing.store.tables import chassis
from factories.databases import Database
from factories.files import origin_of
from factories.sharing import Sharing, sharing_on


async def restated(sharing: Sharing, source: Source | None = None) -> list[Any]:
    """What a snapshot tells, and nothing that was told before."""
    async with sharing.engine.begin() as connection:
        await connection.execute(chassis.outbox.delete())
    counted = await restate_all(sharing.deps.work, [source or grants(sharing.clock)])
    facts = await sharing.facts()
    assert [*counted.values()] == [len(facts)]
    return facts


async def test_every_grant_is_told_as_it_stands_at_its_revision(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "PAGE", 2)
    async with sharing_on(database("coffer_sharing")) as sharing:
        people, folder = [await sharing.person() for _ in range(5)], await sharing.item()
        made = await sharing.share(folder, *people)
        by = origin_of(sharing.owner)
        ends = sharing.clock.now() + timedelta(days=400)
        wish = Wish("editor", ends)
        await change_share(sharing.deps, sharing.owner, by, made[1].share.id, wish, Conditions())
        await revoke_share(sharing.deps, sharing.owner, by, made[2].share.id, Conditions())
        told = {fact.data.grant_id: fact for fact in await restated(sharing)}
        assert set(told) == {one.share.id for one in made}
        assert [told[one.share.id].type.split(".")[2] for one in made] == ["set", "set", "removed", "set", "set"]
        assert [told[one.share.id].revision for one in made] == [1, 2, 2, 1, 1]
        newer = told[made[1].share.id].data
        assert (newer.rights, newer.expires_at) == (("read", "write", "delete"), ends)
        over = told[made[2].share.id].data
        assert (over.reason, over.removed_at) == ("revoked", sharing.clock.now())

        sharing.clock.advance(days=31)
        again = {fact.data.grant_id for fact in await restated(sharing)}
        assert again == set(told) - {made[2].share.id}


async def test_grants_of_links_are_told_as_they_stand(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "PAGE", 2)
    async with sharing_on(database("coffer_sharing")) as sharing:
        owner, folder, by = sharing.owner, await sharing.item(), origin_of(sharing.owner)
        ids = [(await make_link(sharing.deps, owner, by, None, NewLink(folder.id, "edit")))[0].link.id for _ in range(4)]
        await change_link(sharing.deps, owner, by, ids[1], {"mode": "view"}, Conditions())
        await change_link(sharing.deps, owner, by, ids[2], {"disabled": True}, Conditions())
        await delete_link(sharing.deps, owner, by, ids[3], Conditions())
        told = {fact.data.grant_id: fact for fact in await restated(sharing, link_grants(sharing.clock))}
        assert [(told[one].type.split(".")[2], told[one].revision) for one in ids] == [
            ("set", 1),
            ("set", 2),
            ("removed", 2),
            ("removed", 2),
        ]
        assert (told[ids[0]].data.rights, told[ids[1]].data.rights) == (("read", "write", "delete"), ("read",))
        assert told[ids[0]].data.grantee == f"link/{ids[0]}"
        sharing.clock.advance(days=31)
        again = {fact.data.grant_id for fact in await restated(sharing, link_grants(sharing.clock))}
        assert again == {*ids[:3]}, "one that is only shut is told as long as it is there"


async def test_a_store_without_shares_has_nothing_to_tell(database: Database) -> None:
    async with sharing_on(database("coffer_sharing")) as sharing:
        assert await restated(sharing) == []
