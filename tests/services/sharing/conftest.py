"""One store per test module; every test brings its own owner and people, so that they do not meet."""

from collections.abc import AsyncIterator

import pytest

from factories.databases import Database
from factories.sharing import Sharing, sharing_on


@pytest.fixture(scope="module")
def store(database: Database) -> str:
    return database("coffer_sharing")


@pytest.fixture
async def sharing(store: str) -> AsyncIterator[Sharing]:
    async with sharing_on(store) as service:
        yield service
