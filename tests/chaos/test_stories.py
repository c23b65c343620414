"""A day of four people, once calm and then under ten plans of chaos: after healing it always ends in the same state.

`COFFER_CHAOS_SEED` runs one seed, or several with commas; the seed of each run stands in its name and in every failure.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import structlog

from factories.chaos_houses import Houses
from factories.chaos_rules import broken_rules, settle
from factories.chaos_running import Running, house
from factories.chaos_state import State, differences, sent_otherwise, state_of, wrong_for
from factories.chaos_story import Story
from factories.cloud import Cloud
from factories.databases import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ALL, FIRST = 10, 2
"""Seeds there are, and those of them that are not only for `make proof`."""

SEEDS = (
    [int(seed) for seed in os.environ["COFFER_CHAOS_SEED"].split(",")]
    if "COFFER_CHAOS_SEED" in os.environ
    else range(1, ALL + 1)
)
AT_ONCE = 3
FAULTS_AT_LEAST = 50
LATER = "UPDATE refresh_tokens SET rotated_at = rotated_at - interval '1 hour' WHERE rotated_at IS NOT NULL"
NEVER_CAME = "UPDATE uploads SET deadline_at = now() WHERE name = 'never.bin'"


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """Failures are what is wanted here: painting each of them would take longer than the story."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
def houses(tag: str, postgres: PostgresServer, cloud: Cloud) -> Iterator[Houses]:
    made = Houses(lambda number: house(f"{tag}-{number}", postgres, cloud))
    yield made
    made.close()


@contextmanager
def lived(running: Running) -> Iterator[Story]:
    """The story with what follows when time passes; the chaos ends with it, and everything comes to rest."""
    story = Story(running.url, running.house.domain, lambda: running.do(running.house.fetch("auth", LATER)))
    try:
        story.happens()
        running.do(running.house.fetch("files", NEVER_CAME))
        running.call(running.house.calm)
        settle(running)
        story.signs_in_again()
        yield story
    finally:
        story.is_over()


@pytest.fixture(scope="module")
def calm(houses: Houses) -> State:
    """How it ends when nothing goes wrong."""
    with houses.empty() as running, lived(running) as story:
        assert [*broken_rules(running), *wrong_for(running, story), *sent_otherwise(running, once=True)] == []
        return state_of(running, story)


@pytest.fixture(scope="module")
def ends(request: pytest.FixtureRequest, calm: State, houses: Houses) -> Iterator[Mapping[int, Future[None]]]:
    """Seed -> its run. A story mostly waits, so several happen at once, each in a house of its own."""
    asked = {
        item.callspec.params["seed"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module and hasattr(item, "callspec")
    }
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {seed: pool.submit(_end, seed, calm, houses) for seed in SEEDS if seed in asked}


@pytest.mark.parametrize(
    "seed", [seed if len(SEEDS) < ALL or seed <= FIRST else pytest.param(seed, marks=pytest.mark.proof) for seed in SEEDS]
)
def test_whatever_fails_meanwhile_the_day_ends_as_a_calm_one(seed: int, ends: Mapping[int, Future[None]]) -> None:
    ends[seed].result()


def _end(seed: int, calm: State, houses: Houses) -> None:
    again = f"COFFER_CHAOS_SEED={seed}"
    with houses.empty() as running:
        running.call(lambda: running.house.begin(seed))
        try:
            with lived(running) as story:
                met = running.house.met
                wrong = [*broken_rules(running), *wrong_for(running, story), *sent_otherwise(running)]
                wrong += differences(calm, state_of(running, story))
        except Exception as error:
            raise AssertionError(f"{again}: {error!r}") from error
        assert not wrong, f"{again}: {wrong} (met: {dict(met)})"
        assert met.total() > FAULTS_AT_LEAST, f"{again}: this was no chaos: {met}"
