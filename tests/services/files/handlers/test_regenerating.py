"""Previews that nobody answers about are asked for again; operators have many made anew, a page at a time."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.problems import NotFound
from coffer_files.domain.timelines import PREVIEW_PATIENCE
from coffer_files.handlers import regenerating
from coffer_files.handlers.preview_requests import ASKED_AGAIN_AFTER, ask_again, ask_anew, make_preview_anew
from coffer_files.handlers.previews import give_up_previews
from coffer_files.handlers.regenerating import regenerate_all
from coffer_files.handlers.working import run_jobs
from coffer_files.store.drives import lock_drive
from coffer_files.store.preview_requests import Waiting, Which, overdue_previews, unanswered_previews
from factories.files import Files, files_on, person
from factories.jobs import nothing_to_do
from factories.previewed import asked, failed, previewed, ready

RUN = "/v1/admin/files/previews/regenerate"


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store) as service:
        await nothing_to_do(service)
        await service.rows("UPDATE versions SET preview_status = 'none' RETURNING id")
        await service.rows("DELETE FROM outbox RETURNING id")
        yield service


Look = Callable[[AsyncConnection, datetime], Awaitable[list[Waiting]]]


async def overdue(connection: AsyncConnection, now: datetime) -> list[Waiting]:
    return await overdue_previews(connection, now - PREVIEW_PATIENCE, 200)


async def unanswered(connection: AsyncConnection, now: datetime) -> list[Waiting]:
    return await unanswered_previews(connection, now, ASKED_AGAIN_AFTER, 200)


async def anew(files: Files, upload: Any) -> None:
    await make_preview_anew(files.deps, files.owner, files.origin, str(upload.item_id), version_id=None)


async def status(files: Files, upload: Any) -> tuple[str, str | None]:
    query = f"SELECT preview_status, preview_reason FROM versions WHERE id = '{upload.version_id}'"
    [(known, reason)] = await files.rows(query)
    return known, reason


async def test_a_preview_of_which_nothing_is_heard_is_asked_for_again_and_at_last_given_up(files: Files) -> None:
    upload = await files.upload()
    hours = []
    for hour in range(1, 25):
        files.clock.advance(hours=1)
        hours += [hour] * await ask_again(files.deps)
    assert hours == [1, 2, 4, 8, 16], "each pause is as long as was waited before"
    told = [fact for fact in await asked(files) if fact.data.version_id == upload.version_id]
    assert len({fact.data.requested_at for fact in told}) == 1
    assert [fact.revision for fact in told] == [1, 2, 3, 4, 5]
    assert await give_up_previews(files.deps) == 1
    assert await status(files, upload) == ("failed", "no_answer")
    files.clock.advance(days=1)
    assert await ask_again(files.deps) == 0
    await files.handle(ready(upload))
    assert await status(files, upload) == ("ready", None)


MANY_FRESH = """
    INSERT INTO versions SELECT (jsonb_populate_record(one, jsonb_build_object('id', gen_random_uuid()))).*
    FROM versions AS one, generate_series(1, 5000) WHERE one.id = '{id}' RETURNING 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("look", [overdue, unanswered])
async def test_looking_for_what_waits_too_long_costs_the_same_however_many_wait_a_short_time(files: Files, look: Look) -> None:
    upload = await files.upload()
    await files.rows(MANY_FRESH.format(id=upload.version_id))
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _r: object, statement: str, values: Any, *_: object) -> None:
        seen.append((statement, values))

    engine = files.deps.work.engine
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("ANALYZE versions")
        assert await look(connection, files.clock.now()) == []
        event.remove(engine.sync_engine, "before_cursor_execute", note)
        statement, values = seen[-1]
        plan = (await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values)).scalar_one()
    await files.rows(f"DELETE FROM versions WHERE item_id = '{upload.item_id}' AND id <> '{upload.version_id}' RETURNING 1")
    top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 50


async def test_what_is_made_anew_has_a_day_of_its_own(files: Files) -> None:
    upload = await previewed(files)
    files.clock.advance(days=30)
    await anew(files, upload)
    assert await give_up_previews(files.deps) == 0
    files.clock.advance(seconds=PREVIEW_PATIENCE.total_seconds() - 1)
    assert await give_up_previews(files.deps) == 0
    files.clock.advance(seconds=1)
    assert await give_up_previews(files.deps) == 1
    await anew(files, upload)
    assert await status(files, upload) == ("pending", None)


async def test_an_answer_from_before_does_not_count_when_it_comes_twice(files: Files) -> None:
    upload = await files.upload()
    await files.handle(failed(upload, 1))
    await anew(files, upload)
    await files.handle(failed(upload, 1))
    assert (await status(files, upload))[0] == "pending"
    await files.handle(ready(upload, 2), failed(upload, 1))
    assert (await status(files, upload))[0] == "ready"


class Crash(Exception):
    """The process dies."""


async def test_a_crash_before_the_end_asks_for_nothing_and_leaves_all_as_it_was(files: Files) -> None:
    upload = await previewed(files)

    async def crash() -> None:
        async with files.deps.work.unit(files.origin) as unit:
            drive = await lock_drive(unit.connection, files.owner.user_id)
            assert drive is not None
            assert await ask_anew(unit, drive, [upload.version_id]) == 1  # type: ignore[list-item]  # it is committed
            raise Crash

    with pytest.raises(Crash):
        await crash()
    assert await status(files, upload) == ("ready", None)
    assert await asked(files) == []


async def test_what_was_purged_meanwhile_takes_its_requests_along(files: Files) -> None:
    upload = await previewed(files)
    await anew(files, upload)
    async with files.client() as http:
        await http.delete(f"/v1/items/{upload.item_id}")
        assert (await http.delete(f"/v1/trash/{upload.item_id}")).status_code == 204
    assert await files.rows(f"SELECT 1 FROM preview_requests WHERE version_id = '{upload.version_id}'") == []
    files.clock.advance(hours=2)
    assert await ask_again(files.deps) == 0
    with pytest.raises(NotFound):
        await anew(files, upload)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Which("failed"), {"a", "b", "c"}),
        (Which("failed", reason="unsupported"), {"a", "b"}),
        (Which("failed", "image", "unsupported"), {"a"}),
        (Which("ready"), {"d"}),
        (Which("none", "video"), set()),
    ],
)
@pytest.mark.parametrize(("page", "looked_at"), [(1, 1), (2, 3), (100, 5000)])
async def test_operators_choose_by_kind_and_reason(
    files: Files, monkeypatch: pytest.MonkeyPatch, which: Any, expected: Any, page: Any, looked_at: Any
) -> None:
    monkeypatch.setattr(regenerating, "PAGE", page)
    monkeypatch.setattr(regenerating, "LOOKED_AT", looked_at)
    await files.rows("UPDATE versions SET preview_status = 'pending' RETURNING id")  # of tests before
    made = {}
    for name, reason in (("a", "unsupported"), ("b", "unsupported"), ("c", "corrupt"), ("d", None)):
        made[name] = await files.upload(f"{name}.jpg")
        await files.handle(failed(made[name], reason=reason) if reason else ready(made[name]))
    await files.rows(f"UPDATE versions SET media_kind = 'document' WHERE id = '{made['b'].version_id}' RETURNING 1")
    report = await regenerate_all(files.deps, files.origin, which, 1000)
    assert report.done == len(expected)
    told = {fact.data.version_id for fact in await asked(files)}
    assert {name for name, upload in made.items() if upload.version_id in told} == expected
    assert (await regenerate_all(files.deps, files.origin, which, 1000)).done == 0, "all of them are waited for"


async def test_a_job_asks_for_as_many_as_it_may_and_waits_while_many_are_waited_for(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regenerating, "PAGE", 2)
    monkeypatch.setattr(regenerating, "MOST_PENDING", 4)
    uploads = [await files.upload(f"{number}.jpg") for number in range(7)]
    for upload in uploads:
        await files.handle(failed(upload))
    boss = person(roles=frozenset({"operator"}))
    async with files.client(boss) as http, files.client() as owner:
        assert (await owner.post(RUN, json={})).status_code == 403
        first = await http.post(RUN, json={"reason": "unsupported", "most": 6})
        again = await http.post(RUN, json={"reason": "unsupported", "most": 6})
        assert (first.status_code, first.json()["id"]) == (202, again.json()["id"])
        assert first.headers["location"] == f"/v1/admin/files/jobs/{first.json()['id']}"
        at = first.headers["location"]
        await run_jobs(files.deps)
        found = (await http.get(at)).json()
        assert (found["state"], found["progress"]["done"]) == ("running", 4)
        for upload in uploads[:3]:
            await files.handle(ready(upload, 2))
        files.clock.advance(seconds=15)
        await run_jobs(files.deps)
        found = (await http.get(at)).json()
        assert (found["state"], found["progress"]["done"], found["result"]) == ("succeeded", 6, {"asked": 6})
        for odd in ({"status": "pending"}, {"most": 0}, {"kind": "smell"}, {"reason": "x" * 101}):
            assert (await http.post(RUN, json=odd)).status_code == 422
    assert len(await asked(files)) == 6
    acts = [fact.data.action for fact in await files.facts("files.operator.acted.v1")]
    assert acts == ["previews.regeneration_requested"] * 2
    [fact] = {fact.actorid for fact in await asked(files)}
    assert fact == boss.user_id
