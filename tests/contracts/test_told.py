"""What subscribers outside are told is read by what the contracts give them, whatever it is about."""

import json
from typing import Any

import pytest

from coffer_contracts.catalog import Unreadable, parse
from coffer_contracts.ids import UserId, WebhookId
from coffer_contracts.told import parse_told
from coffer_notifier.domain.outside import BODY_BYTES, OFFERED, body_of, placed
from coffer_notifier.domain.queues import code_letter
from factories.events import NOON
from factories.golden import FOLDER
from factories.rows import for_every

READER = UserId("01a15df5-00a0-77b9-830d-40bd57deeac1")
SUBSCRIPTION = WebhookId("01a1f8a2-5d10-7e21-8c4f-1a2b3c4d5e6f")


@for_every("wire_type", sorted(OFFERED))
def test_whatever_is_told_can_be_read(wire_type: str) -> None:
    event = parse((FOLDER / f"{wire_type}.json").read_bytes())
    told = parse_told(placed(body_of(event, READER, lambda _: True), SUBSCRIPTION, 7))
    assert (told.type, told.timestamp) == (wire_type, event.time)
    assert (told.data.event_id, told.data.subject, told.data.sequence) == (event.id, event.subject, event.revision)
    assert (told.data.subscription_id, told.data.subscription_sequence, told.data.test) == (SUBSCRIPTION, 7, False)
    assert set(told.data.model_extra or {}) >= set(OFFERED[wire_type].fields) - {"subject", "sequence"}


def test_what_is_told_stays_below_its_bound_with_its_place() -> None:
    event = parse((FOLDER / "files.item.committed.v1.json").read_bytes())
    for length in range(BODY_BYTES - 900, BODY_BYTES):
        data = event.data.model_copy(update={"name": "x" * length})
        body = placed(body_of(event.model_copy(update={"data": data}), READER, lambda _: True), SUBSCRIPTION, 2**53)
        assert len(body.encode()) <= BODY_BYTES


@pytest.mark.parametrize(
    "body", ["", "[]", "{", '{"type": "x"}', '{"type": "x", "timestamp": "2026-11-21T09:00:00Z", "data": {}}', b"\xff"]
)
def test_what_is_none_of_it_is_unreadable(body: Any) -> None:
    with pytest.raises(Unreadable):
        parse_told(body)


def test_a_code_is_no_fact() -> None:
    letter = code_letter(SUBSCRIPTION, "code", NOON, NOON)
    with pytest.raises(Unreadable):
        parse_told(letter.body)
    assert json.loads(letter.body)["data"]["code"] == "code"
