"""Public links in activity and feed: for the owner of the drive and who made the link, and for nobody else."""

from coffer_notifier.domain.outside import body_of, concern_of
from factories.linked import link_fact
from factories.notifier import Notifier
from factories.telling import Item, Share, drive, user_id


async def actions(notifier: Notifier, item: Item) -> list[str]:
    rows = await notifier.rows("SELECT action FROM activity WHERE item_id = :item", item=item.id)
    return sorted(row.action for row in rows)


async def test_what_becomes_of_a_link_stands_in_the_activity_once(notifier: Notifier) -> None:
    ann = user_id()
    root = drive(ann)
    folder = root.below("Plans", "folder")
    facts = [link_fact(kind, folder, ann) for kind in ("created", "changed", "downloaded", "unlock_failed", "disabled")]
    await notifier.handle(root.created(), folder.created(), *facts, *facts)
    told = ["created", "link_changed", "link_created", "link_disabled", "link_downloaded", "link_unlock_failed"]
    assert await actions(notifier, folder) == told


async def test_nobody_but_the_owner_reads_of_links_to_what_was_shared_with_them(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    root = drive(ann)
    folder = root.below("Plans", "folder")
    await notifier.handle(root.created(), folder.created(), Share(folder, bob).granted())
    await notifier.handle(link_fact("created", folder, ann), link_fact("downloaded", folder, ann))
    for reader, expected in ((ann, {"created", "link_created", "link_downloaded"}), (bob, {"created"})):
        async with notifier.client(reader) as http:
            page = (await http.get("/v1/activity", params={"item_id": folder.id})).json()
        assert {entry["action"] for entry in page["items"]} == expected


def test_outside_only_the_owner_and_who_made_a_link_hear_of_it_and_never_of_networks() -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("Plans", "folder")
    for kind in ("created", "changed", "disabled", "downloaded", "unlock_failed"):
        fact = link_fact(kind, folder, bob)
        concern = concern_of(fact)
        assert concern is not None
        assert concern.people == {ann, bob}
        assert not concern.given
        body = body_of(fact, ann, lambda _: True)
        assert "192.0.2" not in body
        assert '"network"' not in body


async def test_who_made_a_link_is_told_of_an_end_that_they_did_not_make(notifier: Notifier) -> None:
    ann = user_id()
    root = drive(ann)
    folder = root.below("Plans", "folder")
    await notifier.handle(root.created(), folder.created())
    for reason in ("taken_down", "expired", "disabled", "deleted", "item_purged"):
        fact = link_fact("disabled", folder, ann, reason=reason)
        fact = fact.model_copy(update={"id": user_id()})
        await notifier.handle(fact, fact)
    async with notifier.client(ann) as http:
        feed = (await http.get("/v1/notifications")).json()["items"]
    assert sorted(one["type"] for one in feed) == ["link_expired", "link_taken_down"]
    (down,) = [one for one in feed if one["type"] == "link_taken_down"]
    assert down["title"] == "Your public link to “Plans” was taken down"
    assert down["data"]["detail"] == "Reported as stolen pictures."


async def test_nobody_outside_the_audit_is_told_which_operator_took_a_link_down(notifier: Notifier) -> None:
    ann, boss = user_id(), user_id()
    root = drive(ann)
    folder = root.below("Plans", "folder")
    by = {"actorid": boss, "actorkind": "operator"}
    down = link_fact("disabled", folder, ann, reason="taken_down").model_copy(update=by | {"id": user_id()})
    back = link_fact("changed", folder, ann).model_copy(update=by | {"id": user_id()})
    await notifier.handle(root.created(), folder.created(), down, back)
    async with notifier.client(ann) as http:
        told = [(await http.get("/v1/notifications")).text]
        told.append((await http.get("/v1/activity", params={"item_id": folder.id})).text)
    told += [body_of(fact, ann, lambda _: True) for fact in (down, back)]
    for one in told:
        assert boss not in one
        assert "link_disabled" in one or "link_taken_down" in one or '"actor_kind":"operator"' in one
