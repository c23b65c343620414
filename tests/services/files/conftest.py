"""One store per test module; every test brings its own owner, so that they do not meet."""

from typing import Any

import pytest

from factories.databases import Database
from factories.files import files_on


@pytest.fixture(scope="module")
def store(database: Database) -> str:
    return database("coffer_files")


@pytest.fixture
async def files(store: str) -> Any:
    async with files_on(store) as service:
        yield service
