"""One store per test module; every test brings its own people, so that they do not meet."""

from typing import Any

import pytest

from factories.databases import Database
from factories.notifier import notifier_on


@pytest.fixture(scope="module")
def store_url_of_notifier(database: Database) -> str:
    return database("coffer_notifier")


@pytest.fixture
async def notifier(store_url_of_notifier: str) -> Any:
    async with notifier_on(store_url_of_notifier) as service:
        yield service
