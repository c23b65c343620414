"""Every event type of this release: the registry that parsing, schemas and docs are made from."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from coffer_contracts import auth, files, media, sharing
from coffer_contracts.event import Envelope, Event

SCHEMA_BASE = "https://schemas.coffer.dev/events"

EVENTS: tuple[type[Event], ...] = (
    auth.UserRegisteredV1,
    auth.UserChangedV1,
    auth.SessionCreatedV1,
    auth.SessionRevokedV1,
    auth.SessionReuseDetectedV1,
    auth.LoginFailedV1,
    files.UploadReceivedV1,
    files.ItemCreatedV1,
    files.ItemCommittedV1,
    files.ItemChangedV1,
    files.ItemTrashedV1,
    files.ItemRestoredV1,
    files.ItemPurgedV1,
    files.UploadConflictedV1,
    files.UploadRejectedV1,
    files.UploadFailedV1,
    files.UploadExpiredV1,
    media.UploadClearedV1,
    media.UploadRejectedV1,
    media.PreviewReadyV1,
    media.PreviewFailedV1,
    sharing.GrantSetV1,
    sharing.GrantRemovedV1,
    sharing.ShareCreatedV1,
    sharing.ShareChangedV1,
    sharing.ShareRevokedV1,
    sharing.ShareLeftV1,
)

CATALOG: Mapping[str, type[Event]] = {event.type: event for event in EVENTS}

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: Mapping[str, Upcaster] = {}
"""Old wire type -> pure function that lifts the whole envelope to the next major; chained until the newest."""


class Unreadable(Exception):
    """The body is no event this release knows: not JSON, not an envelope, an unknown type, or data that does not fit."""


def schema_address(event: type[Event]) -> str:
    """The address of the type's JSON Schema, as it stands in `dataschema`."""
    return f"{SCHEMA_BASE}/{event.type}.json"


@cache
def envelope_of(event: type[Event]) -> type[Envelope[Event]]:
    """The concrete envelope class of one event type."""
    return Envelope[event]  # type: ignore[valid-type]  # the parameter is known only at run time


def parse(
    body: str | bytes,
    *,
    catalog: Mapping[str, type[Event]] = CATALOG,
    upcasters: Mapping[str, Upcaster] = UPCASTERS,
) -> Envelope[Event]:
    """Read a message body, lifting old majors first. Unknown fields are ignored.

    Raises Unreadable. Pure, so it may run any number of times.
    """
    try:
        raw = from_json(body)  # unlike json, it refuses lone surrogates, which no store takes
    except (ValueError, TypeError) as error:
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise Unreadable("not an envelope: not a JSON object")
    lifted: set[str] = set()
    while (old := str(raw.get("type"))) in upcasters:
        if old in lifted:
            raise Unreadable(f"upcasters of {old} form a circle")
        lifted.add(old)
        try:
            raw = upcasters[old](raw)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(f"{old} does not fit its contract") from error
    event = catalog.get(old)
    if event is None:
        raise Unreadable(f"unknown type {raw.get('type')!r}")
    try:
        return envelope_of(event).model_validate(raw, extra="ignore")
    except ValidationError as error:
        places = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise Unreadable(f"{event.type} does not fit its contract at {places}") from error
