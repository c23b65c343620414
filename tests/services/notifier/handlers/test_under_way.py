"""What is under way leaves room for others: at once who answers, soon who hangs, as far as there is room for waiting."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from coffer_chassis.ids import new_id
from coffer_contracts.ids import UserId, WebhookId
from coffer_notifier.domain.webhooks import (
    SLOW_AFTER_SECONDS,
    SLOW_FOR_EACH_PLACE,
    STANDINGS,
    Standing,
    Webhook,
    most_under_way,
    places_for,
)
from coffer_notifier.handlers.under_way import UnderWay
from factories.telling import user_id

AT = datetime(2026, 11, 21, tzinfo=UTC)
PLACES = places_for(8)
BEGAN, LATER = 100.0, 100.0 + SLOW_AFTER_SECONDS


def webhook(standing: Standing = "new", user: UserId | None = None) -> Webhook:
    return Webhook(
        id=WebhookId(new_id()),
        user_id=user or user_id(),
        url="https://hooks.example.org/",
        event_types=("*",),
        item_id=None,
        description="",
        enabled=True,
        disabled_for=None,
        disabled_at=None,
        failing_since=AT if standing == "failing" else None,
        proven=standing == "proven",
        sealed_secret=b"",
        sealed_old_secret=None,
        old_secret_until=None,
        older_secrets=(),
        created_at=AT,
        changed_at=AT,
        revision=1,
    )


def test_who_does_not_answer_soon_gives_the_place_back() -> None:
    under_way = UnderWay(PLACES)
    for _ in range(PLACES["new"]):
        under_way.begin(webhook(), BEGAN)
    assert under_way.free(BEGAN) == PLACES | {"new": 0}
    assert under_way.next_slow(BEGAN + 0.1) == pytest.approx(SLOW_AFTER_SECONDS - 0.1)
    assert under_way.free(LATER) == PLACES
    assert under_way.next_slow(LATER) is None


@pytest.mark.parametrize("standing", STANDINGS)
def test_no_more_are_waited_for_than_there_is_room_for_and_the_other_standings_keep_theirs(standing: Standing) -> None:
    under_way = UnderWay(PLACES)
    for _ in range(PLACES[standing] * SLOW_FOR_EACH_PLACE):
        under_way.begin(webhook(standing), BEGAN)
    assert under_way.free(LATER) == PLACES
    more = [under_way.begin(webhook(standing), BEGAN) for _ in range(PLACES[standing])]
    assert under_way.free(LATER + 10) == PLACES | {standing: 0}
    under_way.end(more[0])
    assert under_way.free(LATER + 10) == PLACES | {standing: 1}


def test_an_answer_counts_until_it_is_written_down() -> None:
    under_way = UnderWay(PLACES)
    attempts = [under_way.begin(webhook("proven"), BEGAN) for _ in range(3 * PLACES["proven"])]
    assert under_way.free(LATER)["proven"] == PLACES["proven"]
    for one in attempts:
        one.answered()
    assert under_way.free(LATER)["proven"] == -2 * PLACES["proven"], "nothing begins, the store has enough to do"
    for one in attempts:
        under_way.end(one)
        under_way.end(one)
    assert under_way.free(LATER) == PLACES


def test_people_are_counted_by_the_standing_of_their_webhooks() -> None:
    ann, under_way = user_id(), UnderWay(PLACES)
    hangs = webhook("new", ann)
    first = under_way.begin(hangs, BEGAN)
    under_way.begin(replace(hangs, proven=True), BEGAN)
    under_way.begin(webhook("new"), BEGAN)
    assert under_way.people()["new", ann] == 1
    assert under_way.people()["proven", ann] == 1
    under_way.end(first)
    assert ("new", ann) not in under_way.people()


def test_all_that_a_process_waits_for_is_bounded() -> None:
    assert most_under_way(64) == 64 * (1 + SLOW_FOR_EACH_PLACE)
