"""Rules of public links that need no store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coffer_contracts.ids import ItemId, LinkFamilyId, LinkId
from coffer_sharing.domain.links import Link
from factories.telling import user_id

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _link(**other: Any) -> Link:
    someone = user_id()
    fields: dict[str, Any] = dict.fromkeys(Link._fields) | {
        "id": LinkId("l"),
        "family_id": LinkFamilyId("f"),
        "digest": b"d",
        "item_id": ItemId("i"),
        "owner_id": someone,
        "created_by": someone,
        "mode": "download",
        "downloads": 0,
        "notify_on_upload": False,
        "created_at": NOON,
        "changed_at": NOON,
        "revision": 1,
    }
    return Link(**(fields | other))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"disabled_at": NOON}, True),
        ({}, {"taken_down_at": NOON}, True),
        ({}, {"ended_at": NOON, "end_reason": "deleted"}, True),
        ({"mode": "edit"}, {"mode": "view"}, True),
        ({"mode": "edit"}, {"mode": "upload_only"}, True),
        ({"mode": "view"}, {"mode": "upload_only"}, True),
        ({}, {"expires_at": NOON + timedelta(days=1)}, True),
        ({"expires_at": NOON + timedelta(days=2)}, {"expires_at": NOON + timedelta(days=1)}, True),
        ({}, {"ended_at": NOON, "end_reason": "item_purged"}, False),
        ({"expires_at": NOON}, {"expires_at": NOON, "expired_at": NOON}, False),
        ({"disabled_at": NOON}, {"disabled_at": NOON, "taken_down_at": NOON}, False),
        ({"disabled_at": NOON}, {}, False),
        ({"mode": "view"}, {"mode": "edit"}, False),
        ({"mode": "upload_only"}, {"mode": "edit"}, False),
        ({"mode": "edit", "disabled_at": NOON}, {"mode": "view"}, False),
        ({"expires_at": NOON + timedelta(days=1)}, {}, False),
        ({}, {"name": "Trips"}, False),
    ],
)
def test_only_what_somebody_takes_from_visitors_is_urgent(
    before: dict[str, Any], after: dict[str, Any], expected: bool
) -> None:
    assert _link(**after).takes_away(_link(**before)) is expected
