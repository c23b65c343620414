"""What is forgotten when its time is over, and what stays."""

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
