"""What is true of every Coffer at rest, whatever happened: nothing waits, nothing is dead, copies agree, counters are right."""

import asyncio
import time
from typing import Any

from coffer_notifier.handlers.telling import MAIL
from factories.chaos_house import House
from factories.chaos_running import Running

SETTLE_SECONDS = 180
LOOK_SECONDS = 0.15

UNSENT = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
SOON = "UPDATE outbox SET available_at = now() WHERE sent_at IS NULL AND available_at > now()"
SOON_BY_SERVICE = {
    "notifier": """UPDATE mails SET not_before = now() WHERE not_before > now()
        AND (state = 'queued' OR state = 'sending' AND not_before < now() + interval '105 seconds')""",
    "files": "UPDATE doomed_blobs SET not_before = now() WHERE attempts > 0 AND not_before > now()",
}
"""Time passes: what was put off after a failure is due. A claim of mail lapses after two minutes; fifteen seconds must do."""

SOON_JOBS = frozenset({"bury"})
"""What runs so seldom that waiting for its turn would take longer than all the rest."""

UNDER_WAY = {
    "files": """SELECT (SELECT count(*) FROM uploads WHERE state IN ('received', 'cleared') OR deadline_at <= now())
        + (SELECT count(*) FROM versions WHERE preview_status = 'pending')
        + (SELECT count(*) FROM doomed_blobs WHERE not_before <= now())""",
    "notifier": "SELECT count(*) FROM mails WHERE state IN ('queued', 'sending')",
}

EVERYWHERE = {
    "dead letters": "SELECT count(*) FROM dead_letters",
    "one fact twice": r"""SELECT count(*) FROM (SELECT FROM outbox WHERE NOT replay GROUP BY subject, sequence, type
        HAVING count(*) > 1) AS twice""",
    "two facts at one sequence": r"""SELECT count(*) FROM (SELECT FROM outbox WHERE NOT replay GROUP BY subject, sequence
        HAVING count(DISTINCT regexp_replace(type, '\.v\d+$', '')) > 1) AS twice""",
    "a sequence that goes back": """SELECT count(*) FROM (SELECT sequence, lag(sequence) OVER (PARTITION BY subject
        ORDER BY position) AS before FROM outbox WHERE NOT replay) AS steps WHERE sequence < before""",
}
IN_ONE = {
    "files": {
        "versions without file": "SELECT count(*) FROM versions v LEFT JOIN items i ON i.id = v.item_id WHERE i.id IS NULL",
        "usage": """SELECT count(*) FROM drives d WHERE used_bytes <> (SELECT coalesce(sum(v.size_bytes), 0)
            FROM versions v JOIN items i ON i.id = v.item_id WHERE i.owner_id = d.owner_id)""",
        "reserved": """SELECT count(*) FROM drives d WHERE reserved_bytes <> (SELECT coalesce(sum(u.size_bytes), 0)
            FROM uploads u WHERE u.owner_id = d.owner_id
            AND u.state IN ('created', 'received', 'cleared', 'conflict', 'failed'))""",
        "references": "SELECT count(*) FROM blobs WHERE refcount <> (SELECT count(*) FROM versions WHERE blob_id = blobs.id)",
        "one upload committed twice": """SELECT count(*) FROM (SELECT FROM outbox WHERE type LIKE 'files.item.committed.%'
            AND NOT replay GROUP BY type, body::jsonb -> 'data' ->> 'upload_id' HAVING count(*) > 1) AS twice""",
    },
    "media-worker": {
        "sequences with a gap": """SELECT count(*) FROM (SELECT sequence, lag(sequence) OVER (PARTITION BY subject
            ORDER BY sequence) AS before FROM outbox WHERE NOT replay AND type LIKE 'media.%') AS steps
            WHERE sequence > before + 1""",
    },
    "notifier": {
        "notices of one fact twice": """SELECT count(*) FROM (SELECT FROM notices GROUP BY user_id, event_id
            HAVING count(*) > 1) AS twice""",
        "activity of one fact twice": """SELECT count(*) FROM (SELECT FROM activity GROUP BY event_id
            HAVING count(*) > 1) AS twice""",
        "notices told twice": """SELECT count(*) FROM (SELECT FROM stream s JOIN notices n
            ON n.id::text = s.data ->> 'notice_id' WHERE s.event = 'notification' AND n.gather_key IS NULL
            GROUP BY n.id HAVING count(*) > 1) AS twice""",
        "notices never told": """SELECT count(*) FROM notices n WHERE n.in_app AND NOT EXISTS (SELECT FROM stream
            WHERE event = 'notification' AND data ->> 'notice_id' = n.id::text)""",
        "notices that count wrongly": """SELECT count(*) FROM notices n WHERE gather_key IS NOT NULL
            AND facts_count <> (SELECT count(*) FROM gathered_facts WHERE notice_id = n.id)""",
    },
}

TREE = "SELECT item_id::text, owner_id::text, parent_id::text, name, trashed_at IS NOT NULL FROM tree WHERE purged_at IS NULL"
ITEMS = "SELECT id::text, owner_id::text, parent_id::text, name, trashed_at IS NOT NULL FROM items"
PEOPLE = "SELECT user_id::text, username, email, display_name, status, sequence FROM people"
NAMED_PEOPLE = "SELECT user_id::text, username, display_name, status, sequence FROM people"
USERS = "SELECT id::text, username, email, display_name, status, revision FROM users"
GRANTS = "SELECT grant_id::text, item_id::text, grantee, rights, sequence, removed_at IS NOT NULL FROM grants"
LIVE_GRANTS = "SELECT grant_id::text FROM grants WHERE removed_at IS NULL"
NAMED_USERS = "SELECT id::text, username, display_name, status, revision FROM users"
LIVE_SHARES = """SELECT id::text FROM shares WHERE ended_at IS NULL UNION ALL SELECT id::text FROM links
    WHERE ended_at IS NULL AND disabled_at IS NULL AND taken_down_at IS NULL AND expired_at IS NULL"""

COPIES = (
    ("tree of sharing", ("files", ITEMS), ("sharing", TREE)),
    ("tree of notifier", ("files", ITEMS), ("notifier", TREE)),
    ("people of sharing", ("auth", NAMED_USERS), ("sharing", NAMED_PEOPLE)),
    ("people of notifier", ("auth", USERS), ("notifier", PEOPLE)),
    ("grants of notifier", ("files", GRANTS), ("notifier", GRANTS)),
    ("grants of files", ("sharing", LIVE_SHARES), ("files", LIVE_GRANTS)),
)
"""What, whose it is, and who keeps a copy."""


def settle(running: Running) -> None:
    """Wait until nothing is under way anywhere; raises AssertionError with what still is."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while left := running.do(_under_way(running.house)):
        assert time.monotonic() < deadline, f"still under way: {left}"
        time.sleep(LOOK_SECONDS)


async def _under_way(house: House) -> dict[str, int]:
    # Outboxes before and after queues: what leaves one for the other between two looks is seen in one of them.
    found = await _waiting(house)
    if not found:
        depths = await asyncio.gather(*(_depths(house, name) for name in house.services))
        found = {queue: depth for one in depths for queue, depth in one.items() if depth}
    return found or await _waiting(house)


async def _waiting(house: House) -> dict[str, int]:
    async def look(name: str) -> int:
        await house.fetch(name, SOON)
        if name in SOON_BY_SERVICE:
            await house.fetch(name, SOON_BY_SERVICE[name])
        count = int((await house.fetch(name, UNSENT))[0][0])
        return count + (int((await house.fetch(name, UNDER_WAY[name]))[0][0]) if name in UNDER_WAY else 0)

    for service in house.services.values():
        for job in service.jobs:
            if job.name in SOON_JOBS:
                await job.run()
        service.relay.poke()
        service.wakeups.tell(MAIL)
        await house.buses[service.name].settled()
    counts = await asyncio.gather(*(look(name) for name in house.services))
    return {name: count for name, count in zip(house.services, counts, strict=True) if count}


async def _depths(house: House, name: str) -> dict[str, int]:
    service = house.services[name]
    queues = [queue for lane in service.topology.lanes for queue in (lane.queue, lane.dead_queue)]
    return {queue: (await service.bus.depth(queue)).total for queue in queues}


def broken_rules(running: Running) -> list[str]:
    """What should hold and does not, a line each."""
    house = running.house
    told = []
    for name in house.services:
        for rule, query in (EVERYWHERE | IN_ONE.get(name, {})).items():
            if count := running.do(house.fetch(name, query))[0][0]:
                told.append(f"{name}: {rule} ({count})")
    for what, (owner, truth), (keeper, copy) in COPIES:
        told += [f"{what}: {line}" for line in _disagreements(running, (owner, truth), (keeper, copy))]
    return told


def _disagreements(running: Running, truth: tuple[str, str], copy: tuple[str, str]) -> list[Any]:
    expected, found = ({tuple(map(str, row)) for row in running.do(running.house.fetch(*one))} for one in (truth, copy))
    return sorted(f"{'lacks' if row in expected else 'has'} {row}" for row in expected ^ found)
