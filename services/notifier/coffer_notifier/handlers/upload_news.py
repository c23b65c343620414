"""What streams say of uploads: every field is always there, so that clients need no cases."""

from typing import Any

from coffer_contracts.files import ItemCommittedV1, UploadConflictedV1, UploadFact
from coffer_contracts.media import PreviewFact, PreviewFailedV1, PreviewOmittedV1, PreviewReadyV1

_FIELDS = ("upload_id", "item_id", "version_id", "parent_id", "size", "reason", "detail", "suggested_name")
_PREVIEWS = {PreviewReadyV1: "preview_ready", PreviewOmittedV1: "preview_none", PreviewFailedV1: "preview_failed"}


def of_commit(fact: object) -> dict[str, Any] | None:
    """An upload became a file; None for any other fact, and for files that nobody uploaded."""
    if not isinstance(fact, ItemCommittedV1) or fact.upload_id is None:
        return None
    content = {"version_id": fact.content.version_id, "size": fact.content.size_bytes} if fact.content else {}
    places = {"upload_id": fact.upload_id, "item_id": fact.item_id, "parent_id": fact.parent_id}
    return _news("committed", fact.name, **places, **content)


def of_preview(fact: PreviewFact, name: str | None) -> dict[str, Any]:
    """A preview came or will not come; `name` is that of the file, if it is known."""
    state = _PREVIEWS[type(fact)]
    reason = fact.reason if isinstance(fact, PreviewFailedV1) else None
    return _news(state, name, item_id=fact.item_id, version_id=fact.version_id, reason=reason)


def of_ending(fact: UploadFact) -> dict[str, Any]:
    """An upload ended without a file, or came to wait for its uploader."""
    return _news(
        fact.state,
        fact.name,
        upload_id=fact.upload_id,
        parent_id=fact.parent_id,
        size=fact.size_bytes,
        reason=fact.reason,
        detail=fact.detail,
        suggested_name=fact.suggested_name if isinstance(fact, UploadConflictedV1) else None,
    )


def _news(state: str, name: str | None, **more: Any) -> dict[str, Any]:
    return {"state": state, "name": name, **dict.fromkeys(_FIELDS), **more}
