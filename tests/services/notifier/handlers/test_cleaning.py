"""What is forgotten when its time is over, and what stays."""

from datetime import timedelta

from sqlalchemy import text

from coffer_chassis.metrics import MAILS_WAITING
from coffer_notifier.handlers.cleaning import forget, measure
from factories.notifier import Notifier
from factories.telling import Share, drive, user_id


async def count(notifier: Notifier, table: str, user: str) -> int:
    rows = await notifier.rows(f"SELECT count(*) FROM {table} WHERE user_id = :user", user=user)
    return int(rows[0][0])


async def test_rows_of_the_stream_stay_a_little_longer_than_ids_that_lead_to_them(notifier: Notifier) -> None:
    ann = user_id()
    await notifier.handle(drive(ann).below().committed())
    written = await count(notifier, "stream", ann)
    notifier.clock.advance(hours=24, minutes=59)
    await forget(notifier.deps)
    assert await count(notifier, "stream", ann) == written > 0
    notifier.clock.advance(minutes=2)
    await forget(notifier.deps)
    await forget(notifier.deps)
    assert await count(notifier, "stream", ann) == 0


async def test_notices_are_forgotten_after_a_year_and_earlier_once_they_were_read(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    shares = [Share(drive(ann).below(f"{number}"), bob) for number in range(3)]
    for share in shares:
        await notifier.handle(share.granted(), share.created())
    ids = [notice["id"] for notice in (await notifier.feed(bob))["items"]]
    async with notifier.client(bob) as http:
        await http.post("/v1/notifications/read", json={"ids": ids[:1]})
        await http.delete(f"/v1/notifications/{ids[1]}")
    notifier.clock.advance(days=89)
    await forget(notifier.deps)
    assert await count(notifier, "notices", bob) == 3
    notifier.clock.advance(days=2)
    await forget(notifier.deps)
    assert await count(notifier, "notices", bob) == 1
    notifier.clock.advance(days=275)
    await forget(notifier.deps)
    assert await count(notifier, "notices", bob) == 0


async def test_what_was_told_by_mail_only_goes_earlier_and_facts_go_with_the_notice_that_speaks_of_them(
    notifier: Notifier,
) -> None:
    ann, bob = user_id(), user_id()
    folder = drive(ann).below("Trips", "folder")
    async with notifier.client(bob) as http:
        body = {"notices": {"files_uploaded": {"in_app": False, "email": True}}}
        assert (await http.put("/v1/notifications/preferences", json=body)).status_code == 200
    await notifier.handle(Share(folder, bob).granted(), *(folder.below(f"{n}").committed(actor=user_id()) for n in range(3)))
    assert (await count(notifier, "notices", bob), await count(notifier, "gathered_facts", bob)) == (3, 3)
    notifier.clock.advance(days=91)
    await forget(notifier.deps)
    assert (await count(notifier, "notices", bob), await count(notifier, "gathered_facts", bob)) == (0, 0)
    assert await count(notifier, "gathered_facts", ann) == 3


async def test_tombstones_go_and_what_lives_stays(notifier: Notifier) -> None:
    ann, bob = user_id(), user_id()
    gone, kept = drive(ann).below("gone"), drive(ann).below("kept")
    over, given = Share(gone, bob), Share(kept, bob)
    await notifier.handle(gone.committed(), kept.committed(), over.granted(), given.granted(), over.removed(), gone.purged())
    notifier.clock.advance(days=31)
    await forget(notifier.deps)
    async with notifier.engine.begin() as connection:
        tree = (await connection.execute(text("SELECT name FROM tree WHERE owner_id = :ann"), {"ann": ann})).scalars().all()
        grants = (await connection.execute(text("SELECT count(*) FROM grants WHERE owner_id = :ann"), {"ann": ann})).scalar()
    assert (tree, grants) == (["kept"], 1)


async def test_waiting_mail_is_measured(notifier: Notifier) -> None:
    await notifier.handle(Share(drive(user_id()).below(), user_id()).created(notify=True))
    await measure(notifier.deps)
    assert MAILS_WAITING._value.get() >= 1


async def test_activity_is_forgotten_after_a_year_and_no_sooner(notifier: Notifier) -> None:
    ann = user_id()
    file = drive(ann).below()
    now = notifier.clock.now()
    await notifier.handle(file.committed(at=now), file.changed("name", previous_name="x", at=now + timedelta(days=10)))
    left = "SELECT action FROM activity WHERE owner_id = :ann"
    notifier.clock.advance(days=365)
    await forget(notifier.deps)
    assert len(await notifier.rows(left, ann=ann)) == 2
    notifier.clock.advance(days=1)
    await forget(notifier.deps)
    await forget(notifier.deps)
    assert [row.action for row in await notifier.rows(left, ann=ann)] == ["renamed"]
