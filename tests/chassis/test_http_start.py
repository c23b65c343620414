"""How an application starts while what it needs is away."""

import pytest

from coffer_chassis.http import build_app


async def test_a_store_that_is_away_at_the_start_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffer_chassis.http.START_BACK_OFF_SECONDS", (0.001, 0.001))
    tries: list[int] = []

    async def refresh() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("the store is being restarted")

    app = build_app(service="test", route_handlers=[], on_startup=[refresh])
    async with app.lifespan():
        assert len(tries) == 3


async def test_a_start_that_can_never_succeed_is_not_tried_again() -> None:
    tries: list[int] = []

    async def refresh() -> None:
        tries.append(1)
        raise ZeroDivisionError

    app = build_app(service="test", route_handlers=[], on_startup=[refresh])
    with pytest.raises(ExceptionGroup) as raised:
        async with app.lifespan():
            pytest.fail("it started")
    assert raised.group_contains(ZeroDivisionError)
    assert len(tries) == 1
