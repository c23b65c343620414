"""One store per test module; every test brings its own people, so that they do not meet."""

from collections.abc import Iterator
from typing import Any

import pytest

from factories.databases import Database
from factories.notifier import notifier_on
from factories.receivers import Receiver, receiver


@pytest.fixture(scope="module")
def store_url_of_notifier(database: Database) -> str:
    return database("coffer_notifier")


@pytest.fixture
async def notifier(store_url_of_notifier: str) -> Any:
    async with notifier_on(store_url_of_notifier) as service:
        yield service


@pytest.fixture
async def hooked(store_url_of_notifier: str) -> Any:
    """The notifier, whose webhooks may go to this machine."""
    async with notifier_on(store_url_of_notifier, webhook_allow_loopback=True) as service:
        yield service


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiver() as receiving:
        yield receiving
