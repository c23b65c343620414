"""The audit: an entry per act, once however often it comes, listed for operators only."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from coffer_chassis.ids import new_id
from coffer_contracts.event import Envelope
from coffer_contracts.ids import ActId, EventId
from coffer_contracts.operators import OperatorFact, Particular
from factories.events import NOON, arrived
from factories.notifier import Notifier
from factories.operators import ACTED


def acted(service: str = "files", **changes: Any) -> Envelope[OperatorFact]:
    """An operator's act of a new kind, so that tests do not meet in the store; `at` is minutes after noon."""
    envelope = {"actorid": f"shell/{new_id()}", "actorkind": "operator"}
    at = NOON + timedelta(minutes=changes.pop("at", 0))
    known: dict[str, Any] = {
        "act_id": ActId(new_id()),
        "action": "dead_letters.dropped",
        "target": "dead-letters",
        "count": 12,
        "detail": (Particular(name="queue", value="files-fast"), Particular(name="address", value="192.0.2.4")),
    }
    envelope |= {name: changes.pop(name) for name in ("actorid", "actorkind") if name in changes}
    fact = arrived(ACTED[service](**known | changes), source=f"/{service}")
    return fact.model_copy(update={**envelope, "time": at})


async def page(http: httpx.AsyncClient, **query: Any) -> Any:
    answer = await http.get("/v1/audit", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.slow
@pytest.mark.parametrize("service", ACTED)
async def test_an_act_of_every_service_becomes_one_entry(notifier: Notifier, service: str) -> None:
    fact = acted(service)
    await notifier.handle(fact, fact)
    await notifier.forget_inbox()
    await notifier.handle(fact)
    async with notifier.operators() as http:
        (entry,) = (await page(http, actor=fact.actorid))["items"]
    assert entry == {
        "id": entry["id"],
        "event_id": fact.id,
        "time": "2026-11-20T12:00:00.000000Z",
        "service": service,
        "actor": {"type": "operator", "id": fact.actorid, "ip": "192.0.2.4", "user_agent": None, "session_id": None},
        "action": "dead_letters.dropped",
        "resource": {"type": "dead-letters", "id": None, "owner_id": None, "name_at_time": None},
        "outcome": "success",
        "reason_code": None,
        "changes": {},
        "count": 12,
        "detail": {"queue": "files-fast"},
        "request_id": fact.correlationid,
        "trace_id": None,
        "position": None,
        "prev_hash": None,
        "digest": None,
        "hash": None,
    }


async def test_a_crash_before_the_commit_leaves_nothing_and_the_next_delivery_writes_it(notifier: Notifier) -> None:
    fact = acted()
    broken = acted(count=1).model_copy(update={"id": EventId(new_id()), "actorid": fact.actorid, "correlationid": None})
    with pytest.raises(Exception, match="request_id"):
        await notifier.handle_together(fact, broken)
    async with notifier.operators() as http:
        assert (await page(http, actor=fact.actorid))["items"] == []
        await notifier.handle(fact)
        assert len((await page(http, actor=fact.actorid))["items"]) == 1


async def test_entries_are_paged_and_filtered(notifier: Notifier) -> None:
    actor = f"shell/{new_id()}"
    facts = [
        acted(service, actorid=actor, action=action, at=minute)
        for minute, (service, action) in enumerate(
            [("files", "dead_letters.redriven"), ("media-worker", "a.word.of.tomorrow"), ("files", "replay.cancelled")] * 2
        )
    ]
    await notifier.handle(*facts)
    async with notifier.operators() as http:
        seen: list[str] = []
        query: dict[str, Any] = {"actor": actor, "limit": 2}
        while True:
            found = await page(http, **query)
            seen += [entry["action"] for entry in found["items"]]
            if found["next_cursor"] is None:
                break
            query["cursor"] = found["next_cursor"]
        assert seen == [fact.data.action for fact in reversed(facts)]

        async def count(**filters: Any) -> int:
            return len((await page(http, actor=actor, **filters))["items"])

        assert await count(service="media-worker") == 2
        assert await count(action="replay.cancelled") == 2
        assert await count(since="2026-11-20T12:04:00Z") == 2
        assert await count(until="2026-11-20T12:01:00Z") == 1
        assert await count(since="2026-11-20T12:01:00+00:00", until="2026-11-20T12:03:00Z", service="files") == 1
        assert await count(action="nothing") == await count(service="'; --") == 0
        hostile: dict[str, Any]
        for hostile in ({"since": "yesterday"}, {"until": "0001-01-01T00:00:00Z"}):
            assert (await http.get("/v1/audit", params=hostile)).status_code == 422
        for cursor in ("x", query["cursor"], "A" * 5000):
            answer = await http.get("/v1/audit", params={"cursor": cursor})
            assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


@pytest.mark.slow
async def test_operators_only(notifier: Notifier) -> None:
    for token, status in {"person": 403, "token": 403, "link": 403, "bad": 401}.items():
        async with notifier.operators(token) as http:
            assert (await http.get("/v1/audit")).status_code == status
