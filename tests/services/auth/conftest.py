"""What most tests of auth stand on: a store of their own, a clock that they turn, the handlers' collaborators, a client."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from coffer_auth.handlers.deps import Deps
from coffer_chassis.testing import FixedClock
from factories.accounts import auth_deps, auth_over_http
from factories.databases import Database


@pytest.fixture(scope="module")
def url(database: Database) -> str:
    return database("coffer_auth")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def deps(url: str, clock: FixedClock) -> AsyncIterator[Deps]:
    async with auth_deps(url, clock=clock) as made:
        yield made


@pytest.fixture
async def http(deps: Deps, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with auth_over_http(deps, tmp_path) as client:
        yield client
