"""Uploads for tests of their rules, and whatever may happen to them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from coffer_chassis.testing import NOON
from coffer_contracts.ids import ItemId, VersionId
from coffer_files.domain import uploads as rules
from coffer_files.domain.deadlines import pass_deadline
from coffer_files.domain.uploads import Upload, Verdict

GOOD = Verdict(cleared=True, etag="e1", mime_type="image/jpeg", media_kind="image", previewable=True)
BAD = Verdict(cleared=False, etag="e1", mime_type="text/plain", media_kind="text", reason="polyglot", detail="Two at once.")


def upload(state: str = "created", **changes: Any) -> Any:
    """An upload of ten bytes as it might stand."""
    values = {
        "id": "u",
        "owner_id": "o",
        "uploader_id": "o",
        "parent_id": "p",
        "name": "a",
        "conflict": "fail",
        "size_bytes": 10,
        "blob_id": "b",
        "blob_key": "blobs/o/b",
        "state": state,
        "revision": 1,
        "created_at": NOON,
        "changed_at": NOON,
        "deadline_at": NOON + timedelta(hours=24),
        "actor_kind": "user",
        "correlation_id": "c",
    }
    return Upload(**{**values, **changes})


HISTORIES = st.lists(
    st.sampled_from(
        [
            "bytes",
            "other_bytes",
            "short_bytes",
            "cleared",
            "rejected",
            "cleared_other",
            "dispatch",
            "abort",
            "retry",
            "late",
            "unsent",
            "gone",
            "commit",
            "contest",
        ]
    ),
    max_size=30,
)
"""What may happen to an upload, in any order and number."""


def happened(  # noqa: C901, PLR0912  # one branch for each thing that can happen
    happening: str, current: Upload, now: datetime
) -> Upload:
    """The upload after something happened to it. Raises what the rules refuse with."""
    match happening:
        case "bytes":
            return rules.receive(current, "e1", 10, now)
        case "other_bytes":
            return rules.receive(current, "e2", 10, now)
        case "short_bytes":
            return rules.receive(current, "e1", 9, now)
        case "cleared":
            return rules.judge(current, GOOD, now)
        case "rejected":
            return rules.judge(current, BAD, now)
        case "cleared_other":
            return rules.judge(current, replace(GOOD, etag="e2"), now)
        case "dispatch":
            return rules.dispatch(current, now)
        case "abort":
            return rules.abort(current, now)
        case "retry":
            return rules.retry(current, "e1", 10, now)
        case "late":
            return pass_deadline(current, now + timedelta(days=8), has_bytes=None)
        case "unsent":
            return pass_deadline(current, now + timedelta(minutes=15), has_bytes=True, is_sent=False)
        case "gone":
            return pass_deadline(current, now + timedelta(minutes=15), has_bytes=False)
        case "commit":
            return rules.commit(current, ItemId("i"), VersionId("v"), "a", now)
        case _:
            return rules.contest(current, "name_taken", "Taken.", "a (1)", now)
