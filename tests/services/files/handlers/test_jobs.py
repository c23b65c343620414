"""Jobs: asked for, carried out a step at a time by whoever is there, watched, cancelled, given up."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from coffer_chassis.identity import Principal
from coffer_chassis.testing import eventually
from coffer_chassis.wakeups import Wakeups
from coffer_contracts.ids import UserId
from coffer_contracts.problems import Forbidden, LimitReached, NotFound, Unavailable
from coffer_files.domain.jobs import GIVEN_UP_AFTER, LEASE, MOST_OPEN, Job, Progress
from coffer_files.handlers import job_kinds, working
from coffer_files.handlers.jobs import cancel_job, find_job, reach, start_job, step_unit
from coffer_files.handlers.working import KEPT, forget_jobs, run_jobs, worker
from coffer_files.store import jobs as rows
from factories.files import Files, files_on, origin_of, person
from factories.jobs import nothing_to_do


class Killed(BaseException):
    """What no handler catches, like the end of a process."""


Step = Callable[[Any, Job], Any]


@pytest.fixture
async def files(store: str) -> Any:
    """Without what others left to do: whoever works here works for everybody."""
    async with files_on(store) as service:
        await nothing_to_do(service)
        yield service


@pytest.fixture
def kinds(monkeypatch: Any) -> dict[str, Step]:
    """Kinds of the test's own."""
    known: dict[str, Step] = {}
    for module in (job_kinds, working):
        monkeypatch.setattr(module, "JOB_KINDS", known)
    return known


async def ask(files: Files, kind: str = "count", who: Principal | None = None, **more: Any) -> Job:
    who = who or files.owner
    async with files.deps.work.unit(origin_of(who)) as unit:
        return await start_job(unit, files.deps, kind, who.user_id, who, {"to": 3}, **more)


async def now(files: Files, job: Job) -> Job:
    async with files.deps.work.read() as connection:
        found = await rows.job_by_id(connection, job.id)
    assert found is not None
    return found


async def count(_deps: Any, job: Job) -> Progress:
    """One more with each step."""
    reached = job.place.get("at", 0) + 1
    finished = reached == job.arguments["to"]
    result = {"reached": reached}
    return Progress(reached, job.arguments["to"], 10 * reached, {"at": reached}, result, finished=finished)


async def count_in_a_unit(deps: Any, job: Job) -> Progress:
    """The same, written down by the step."""
    async with step_unit(deps, job) as unit:
        return await reach(unit, job, await count(deps, job))


@pytest.mark.parametrize("step", [count, count_in_a_unit])
async def test_a_job_is_done_step_by_step_and_tells_when_it_has_ended(files: Files, kinds: dict[str, Step], step: Step) -> None:
    kinds["count"] = step
    job = await ask(files)
    assert job.state == "queued"
    assert await run_jobs(files.deps) == 1
    done = await find_job(files.deps, files.owner, job.id)
    assert (done.state, done.done, done.total, done.size_bytes, done.result) == ("succeeded", 3, 3, 30, {"reached": 3})
    assert (done.attempts, done.lease, done.ended_at) == (0, None, files.clock.now())
    assert await run_jobs(files.deps) == 0
    [fact] = await files.facts("files.job.finished.v1")
    assert (fact.data.job_id, fact.data.state, fact.data.done_count, fact.data.size_bytes) == (job.id, "succeeded", 3, 30)
    assert (fact.actorid, fact.correlationid) == (files.owner.user_id, job.correlation_id)


async def test_a_job_goes_on_where_it_was_when_its_process_dies_in_the_middle_of_a_step(
    files: Files, kinds: dict[str, Step]
) -> None:
    seen: list[int] = []

    async def dies_once(deps: Any, job: Job) -> Progress:
        seen.append(job.place.get("at", 0))
        if seen == [0, 1]:
            raise Killed
        return await count_in_a_unit(deps, job)

    kinds["count"] = dies_once
    job = await ask(files)
    with pytest.raises(Killed):
        await working._one_turn(files.deps, None)
    assert await run_jobs(files.deps) == 0, "somebody may still be at it"
    files.clock.advance(seconds=LEASE.total_seconds())
    await run_jobs(files.deps)
    assert seen == [0, 1, 1, 2]
    assert (await now(files, job)).state == "succeeded"


async def test_whoever_lost_a_job_meanwhile_writes_nothing_down(files: Files, kinds: dict[str, Step]) -> None:
    kinds["count"] = count_in_a_unit
    job = await ask(files)

    async def slow(deps: Any, job: Job) -> Progress:
        files.clock.advance(seconds=LEASE.total_seconds())
        kinds["count"] = count_in_a_unit
        await run_jobs(deps)
        assert (await now(files, job)).state == "succeeded"
        return await count_in_a_unit(deps, job)

    kinds["count"] = slow
    await run_jobs(files.deps)
    assert (await now(files, job)).done == 3
    assert len(await files.facts("files.job.finished.v1")) == 1


async def test_a_step_that_takes_long_keeps_its_lease(files: Files, kinds: dict[str, Step], monkeypatch: Any) -> None:
    monkeypatch.setattr(working, "LEASE", timedelta(seconds=0.03))

    async def long(deps: Any, job: Job) -> Progress:
        before = (await now(files, job)).due_at
        files.clock.advance(seconds=30)

        async def is_renewed() -> bool:
            return (await now(files, job)).due_at > before

        await eventually(is_renewed)
        return await count(deps, replace(job, place={"at": 2}))

    kinds["count"] = long
    job = await ask(files)
    await run_jobs(files.deps)
    assert (await now(files, job)).state == "succeeded"


async def test_a_refusal_ends_a_job_and_what_it_did_before_stays(files: Files, kinds: dict[str, Step]) -> None:
    async def refuses(deps: Any, job: Job) -> Progress:
        if job.place:
            raise Forbidden("You may no longer write there.", item_id="x")
        return await count(deps, job)

    kinds["count"] = refuses
    job = await ask(files)
    await run_jobs(files.deps)
    failed = await now(files, job)
    assert (failed.state, failed.done, failed.result) == ("failed", 1, {"reached": 1})
    assert failed.problem == {
        "code": "forbidden",
        "title": "Not allowed",
        "status": 403,
        "detail": "You may no longer write there.",
        "item_id": "x",
    }
    [fact] = await files.facts("files.job.finished.v1")
    assert (fact.data.state, fact.data.reason, fact.data.done_count) == ("failed", "forbidden", 1)


@pytest.mark.parametrize("error", [ConnectionError("the bucket is away"), Unavailable("not now")])
async def test_what_fails_for_a_while_is_tried_again_after_growing_pauses(
    files: Files, kinds: dict[str, Step], error: Exception
) -> None:
    tries: list[float] = []

    async def fails(deps: Any, job: Job) -> Progress:
        tries.append(files.clock.now().timestamp())
        if len(tries) < 4:
            raise error
        return await count(deps, job)

    kinds["count"] = fails
    job = await ask(files)
    for _ in range(8):
        await run_jobs(files.deps)
        files.clock.advance(seconds=1)
    assert [later - sooner for sooner, later in pairwise(tries[:4])] == [1, 2, 4]
    assert (await now(files, job)).state == "succeeded"
    assert (await now(files, job)).error is None


async def test_what_never_succeeds_is_given_up_with_a_reason(files: Files, kinds: dict[str, Step]) -> None:
    async def fails(_deps: Any, _job: Job) -> Progress:
        raise ConnectionError("the bucket is away")

    kinds["count"] = fails
    job = await ask(files)
    for _ in range(GIVEN_UP_AFTER):
        await run_jobs(files.deps)
        assert (await now(files, job)).ended_at is None or _ == GIVEN_UP_AFTER - 1
        files.clock.advance(seconds=300)
    failed = await now(files, job)
    assert (failed.state, failed.attempts, (failed.problem or {})["code"]) == ("failed", GIVEN_UP_AFTER, "internal")
    assert failed.error == "ConnectionError('the bucket is away')"


async def test_a_job_that_kills_whoever_works_on_it_is_given_up(files: Files, kinds: dict[str, Step]) -> None:
    kinds["count"] = count
    job = await ask(files)
    for _ in range(GIVEN_UP_AFTER):
        async with files.engine.begin() as connection:
            assert await rows.take_job(connection, files.clock.now(), ("count",)) is not None
        files.clock.advance(seconds=LEASE.total_seconds())
    await run_jobs(files.deps)
    failed = await now(files, job)
    assert (failed.state, failed.done, (failed.problem or {})["code"]) == ("failed", 0, "internal")


async def test_a_cancelled_job_does_nothing_more(files: Files, kinds: dict[str, Step]) -> None:
    kinds["count"] = count
    job = await ask(files)
    stranger = person()
    with pytest.raises(NotFound):
        await cancel_job(files.deps, stranger, origin_of(stranger), job.id)
    assert (await cancel_job(files.deps, files.owner, files.origin, job.id)).state == "cancelled"
    assert (await cancel_job(files.deps, files.owner, files.origin, job.id)).state == "cancelled"
    assert await run_jobs(files.deps) == 0
    [fact] = await files.facts("files.job.finished.v1")
    assert (fact.data.state, fact.data.done_count) == ("cancelled", 0)


@pytest.mark.parametrize("step", [count, count_in_a_unit])
async def test_nothing_is_kept_of_the_step_in_which_a_job_is_cancelled(
    files: Files, kinds: dict[str, Step], step: Step
) -> None:
    async def cancelled_meanwhile(deps: Any, job: Job) -> Progress:
        if job.place:
            await cancel_job(deps, files.owner, files.origin, job.id)
        return await step(deps, job)  # type: ignore[no-any-return]  # a step, as the table has it

    kinds["count"] = cancelled_meanwhile
    job = await ask(files)
    await run_jobs(files.deps)
    assert ((await now(files, job)).state, (await now(files, job)).done) == ("cancelled", 1)
    assert len(await files.facts("files.job.finished.v1")) == 1


async def test_owners_take_turns_however_many_jobs_one_of_them_has(
    files: Files, kinds: dict[str, Step], monkeypatch: Any
) -> None:
    monkeypatch.setattr(working, "TURN_SECONDS", -1)
    order: list[UserId] = []

    async def noted(deps: Any, job: Job) -> Progress:
        order.append(job.owner_id)
        files.clock.advance(seconds=0.001)
        return await count(deps, job)

    kinds["count"] = noted
    greedy, modest, late = person(), person(), person()
    for who in (*[greedy] * 5, modest, late):
        await ask(files, who=who)
    await run_jobs(files.deps)
    assert Counter(order) == {greedy.user_id: 15, modest.user_id: 3, late.user_id: 3}
    assert Counter(order[:9]) == {greedy.user_id: 3, modest.user_id: 3, late.user_id: 3}


async def test_several_processes_never_do_the_same_step_twice(files: Files, kinds: dict[str, Step], monkeypatch: Any) -> None:
    monkeypatch.setattr(working, "TURN_SECONDS", -1)
    seen: list[tuple[str, int]] = []

    async def noted(deps: Any, job: Job) -> Progress:
        seen.append((job.id, job.place.get("at", 0)))
        return await count_in_a_unit(deps, job)

    kinds["count"] = noted
    jobs = [await ask(files, who=person()) for _ in range(6)]
    await asyncio.gather(*(run_jobs(files.deps) for _ in range(4)))
    assert sorted(seen) == sorted((job.id, at) for job in jobs for at in range(3))


async def test_only_one_job_with_the_same_key_is_open(files: Files, kinds: dict[str, Step]) -> None:
    kinds["count"] = count
    first, second = await asyncio.gather(*(ask(files, only_key="the one") for _ in range(2)))
    assert first.id == second.id
    await run_jobs(files.deps)
    assert (await ask(files, only_key="the one")).id != first.id


async def test_nobody_has_more_jobs_open_than_may_be(files: Files, kinds: dict[str, Step]) -> None:
    kinds["count"] = count
    one = await ask(files, only_key="the one")
    for _ in range(MOST_OPEN - 1):
        await ask(files)
    with pytest.raises(LimitReached):
        await ask(files)
    assert (await ask(files, only_key="the one")).id == one.id
    assert (await ask(files, who=person())).state == "queued"


async def test_a_kind_of_another_release_waits_for_a_process_of_that_release(files: Files, kinds: dict[str, Step]) -> None:
    job = await ask(files, "later")
    assert await run_jobs(files.deps) == 0
    kinds["later"] = count
    await run_jobs(files.deps)
    assert (await now(files, job)).state == "succeeded"


async def test_a_job_that_pauses_goes_on_when_the_pause_is_over(files: Files, kinds: dict[str, Step]) -> None:
    async def rests(deps: Any, job: Job) -> Progress:
        return replace(await count(deps, job), pause=timedelta(seconds=5))

    kinds["count"] = rests
    job = await ask(files)
    done = []
    for _ in range(4):
        await run_jobs(files.deps)
        done.append((await now(files, job)).done)
        files.clock.advance(seconds=3)
    assert done == [1, 1, 2, 2]


async def test_ended_jobs_are_forgotten_in_time(files: Files, kinds: dict[str, Step]) -> None:
    kinds["count"] = count
    job = await ask(files)
    await run_jobs(files.deps)
    files.clock.advance(seconds=KEPT.total_seconds())
    still_open = await ask(files)
    assert await forget_jobs(files.deps) == 0
    files.clock.advance(seconds=1)
    assert await forget_jobs(files.deps) == 1
    with pytest.raises(NotFound):
        await find_job(files.deps, files.owner, job.id)
    assert (await now(files, still_open)).state == "queued"


async def test_whoever_works_is_woken_as_soon_as_somebody_asks(files: Files, kinds: dict[str, Step], monkeypatch: Any) -> None:
    monkeypatch.setattr(working, "POLL_SECONDS", 3600)
    done = asyncio.Event()

    async def tells(deps: Any, job: Job) -> Progress:
        done.set()
        return await count(deps, replace(job, place={"at": 2}))

    kinds["count"] = tells
    files.deps.work.wakeups = Wakeups(files.engine, "files")
    rounds = worker(files.deps)
    files.deps.work.wakeups.on("jobs", rounds.poke)
    stopping = asyncio.Event()
    running = asyncio.create_task(rounds.run(stopping))
    try:
        for _ in range(3):
            job = await ask(files)
            await asyncio.wait_for(done.wait(), 60)
            done.clear()
    finally:
        stopping.set()
        await running
    assert (await now(files, job)).state == "succeeded"
