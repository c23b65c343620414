"""One running Coffer, one Chromium, and a fresh page for each test, of which nothing may be heard that nobody expected."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from factories.browsers import WIDE, Visitor, chromium
from factories.people import Person, all_leave
from factories.stacks import LocalStack, local_stack

Opens = Callable[..., Visitor]


@pytest.fixture(autouse=True, scope="module")
def engines_end() -> None:
    """Nothing here has engines of its own; what ends them elsewhere is asynchronous, which the driver of the browser is not."""


@pytest.fixture(scope="package")
def stack() -> Iterator[LocalStack]:
    # Receivers of webhooks are on this machine.
    with local_stack(COFFER_NOTIFIER_WEBHOOK_ALLOW_LOOPBACK="1") as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(autouse=True)
def _doors_closed() -> Iterator[None]:
    yield
    all_leave()


@pytest.fixture
def ana(stack: LocalStack) -> Person:
    return Person.at(stack.url)


@pytest.fixture
def opens(browser: Browser, stack: LocalStack) -> Iterator[Opens]:
    """Opens a page in a browser profile of its own, or beside another in the same."""
    visitors: list[Visitor] = []

    def opened(*, beside: Visitor | None = None, **how: Any) -> Visitor:
        context = (
            beside.page.context
            if beside
            else browser.new_context(**{"viewport": WIDE, "locale": "en-US", "service_workers": "block"} | how)
        )
        visitors.append(Visitor(context.new_page(), stack.url))
        return visitors[-1]

    yield opened
    complaints = [text for visitor in visitors for text in visitor.unexpected()]
    for visitor in visitors:
        visitor.page.context.close()
    assert not complaints


@pytest.fixture
def visitor(opens: Opens) -> Visitor:
    return opens()
