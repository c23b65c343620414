"""One running Coffer for the tests of this folder that do not break it."""

from collections.abc import Iterator

import pytest

from factories.people import Person, all_leave
from factories.stacks import LocalStack, local_stack


@pytest.fixture(scope="package")  # ends with the folder: a stack that nobody uses still looks for messages
def stack() -> Iterator[LocalStack]:
    with local_stack() as running:
        yield running


@pytest.fixture(autouse=True)
def _doors_closed() -> Iterator[None]:
    yield
    all_leave()


@pytest.fixture
def ana(stack: LocalStack) -> Person:
    return Person.at(stack.url)
