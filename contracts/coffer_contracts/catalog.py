"""Every message type of this release: the registry that parsing, schemas and docs are made from."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from coffer_contracts import (
    auth,
    auth_factors,
    auth_identities,
    auth_mail,
    auth_passwords,
    auth_photos,
    files,
    files_downloads,
    files_jobs,
    files_previews,
    media,
    media_pages,
    notifier,
    sharing,
    sharing_comments,
    sharing_invitations,
    sharing_links,
)
from coffer_contracts.event import Envelope, Event, PrivateCommand
from coffer_contracts.majors import UPCASTERS, Upcaster, newest_type, older_twins, older_types
from coffer_contracts.words import READING

__all__ = [
    "CATALOG",
    "COMMANDS",
    "EVENTS",
    "MESSAGES",
    "READABLE",
    "SCHEMA_BASE",
    "UPCASTERS",
    "Unreadable",
    "envelope_of",
    "newest_type",
    "older_twins",
    "older_types",
    "parse",
    "schema_address",
]

SCHEMA_BASE = "https://schemas.coffer.dev/events"

EVENTS: tuple[type[Event], ...] = (
    auth.UserRegisteredV1,
    auth.UserVerifiedV1,
    auth.UserChangedV1,
    auth.UserSuspendedV1,
    auth.UserDeletedV1,
    auth.SessionCreatedV1,
    auth.SessionRevokedV1,
    auth.SessionReuseDetectedV1,
    auth.LoginFailedV1,
    auth_passwords.PasswordChangedV1,
    auth_passwords.PasswordResetRequestedV1,
    auth_factors.TokenCreatedV1,
    auth_factors.TokenRevokedV1,
    auth_factors.MfaEnabledV1,
    auth_factors.MfaDisabledV1,
    auth_factors.MfaRecoveryUsedV1,
    auth_factors.MfaCodesRotatedV1,
    auth_identities.IdentityLinkedV1,
    files.UploadReceivedV1,
    files.ItemCreatedV1,
    files.ItemCommittedV1,
    files.ItemChangedV1,
    files.ItemTrashedV1,
    files.ItemRestoredV1,
    files.ItemPurgedV1,
    files.VersionDeletedV1,
    files.UsageCrossedV1,
    files_downloads.ItemDownloadedV1,
    files.UploadConflictedV1,
    files.UploadRejectedV1,
    files.UploadFailedV1,
    files.UploadExpiredV1,
    files_jobs.JobFinishedV1,
    files_previews.PreviewRequestedV1,
    media.UploadClearedV1,
    media.UploadRejectedV1,
    media.PreviewReadyV1,
    media.PreviewOmittedV1,
    media.PreviewFailedV1,
    media_pages.PageReadyV1,
    media_pages.PageFailedV1,
    auth_photos.PhotoReceivedV1,
    media.PhotoReadyV1,
    media.PhotoRejectedV1,
    sharing.GrantSetV1,
    sharing.GrantRemovedV1,
    sharing.ShareCreatedV1,
    sharing.ShareChangedV1,
    sharing.ShareChangedV2,
    sharing.ShareRevokedV1,
    sharing.ShareLeftV1,
    sharing_comments.CommentCreatedV1,
    sharing_comments.CommentChangedV1,
    sharing_comments.CommentDeletedV1,
    sharing_invitations.InvitationCreatedV1,
    sharing_invitations.InvitationChangedV1,
    sharing_invitations.InvitationEndedV1,
    sharing_links.LinkCreatedV1,
    sharing_links.LinkChangedV1,
    sharing_links.LinkDisabledV1,
    sharing_links.LinkSessionsEndedV1,
    sharing_links.LinkViewedV1,
    sharing_links.LinkUnlockedV1,
    sharing_links.LinkUnlockFailedV1,
    sharing_links.LinkDownloadedV1,
    sharing_links.LinkUploadedV1,
    files.SightingNotedV1,
    media.SightingNotedV1,
    sharing.SightingNotedV1,
    notifier.SightingNotedV1,
    auth.OperatorActedV1,
    files.OperatorActedV1,
    media.OperatorActedV1,
    sharing.OperatorActedV1,
    notifier.OperatorActedV1,
    notifier.WebhookDisabledV1,
    notifier.PreferencesChangedV1,
)

"""Facts: what subscribers, documents and replays may show."""

COMMANDS: tuple[type[PrivateCommand], ...] = (auth_mail.MailRequestedV1, sharing_invitations.MailRequestedV1)
"""What one service asks of another in private; no subscriber is told that there are any."""

MESSAGES: tuple[type[Event], ...] = (*EVENTS, *COMMANDS)

CATALOG: Mapping[str, type[Event]] = {event.type: event for event in EVENTS}
"""Facts by their wire type; whatever is offered to subscribers is looked up here."""

READABLE: Mapping[str, type[Event]] = {event.type: event for event in MESSAGES}
"""Everything that `parse` reads."""


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
    catalog: Mapping[str, type[Event]] = READABLE,
    upcasters: Mapping[str, Upcaster] = UPCASTERS,
) -> Envelope[Event]:
    """Read a message body, lifting old majors first. Unknown fields are ignored, unknown words read as known ones where
    more may come (`words`).

    A message that names a newer twin gets the twin's id, also where this release does not know that major yet: whoever
    reads both handles the fact once. Raises Unreadable. Pure, so it may run any number of times.
    """
    try:
        raw = from_json(body)  # unlike json, it refuses lone surrogates, which no store takes
    except (ValueError, TypeError) as error:
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise Unreadable("not an envelope: not a JSON object")
    raw = _lifted(raw, upcasters)
    wire_type = str(raw.get("type"))
    event = catalog.get(wire_type)
    if event is None:
        raise Unreadable(f"unknown type {raw.get('type')!r}")
    try:
        envelope = envelope_of(event).model_validate(raw, extra="ignore", context=READING)
    except ValidationError as error:
        raise _unfit(event.type, error) from error
    return envelope if envelope.newerid is None else _as_its_newer(envelope)


def _lifted(raw: dict[str, Any], upcasters: Mapping[str, Upcaster]) -> dict[str, Any]:
    """The message in the newest major that the upcasters lead to, with the schema of that. Raises Unreadable."""
    done: set[str] = set()
    while (old := str(raw.get("type"))) in upcasters:
        if old in done:
            raise Unreadable(f"upcasters of {old} form a circle")
        done.add(old)
        try:
            raw = upcasters[old](raw)
        except ValidationError as error:
            raise _unfit(old, error) from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(f"{old} does not fit its contract") from error
    return raw | {"dataschema": f"{SCHEMA_BASE}/{old}.json"} if done else raw


def _unfit(wire_type: str, error: ValidationError) -> Unreadable:
    # Places only: the values may be private.
    places = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
    return Unreadable(f"{wire_type} does not fit its contract at {places}")


def _as_its_newer(envelope: Envelope[Event]) -> Envelope[Event]:
    # Whoever may publish as this source could as well use the other id itself, so this gives nobody a power.
    if envelope.newerid == envelope.id:
        raise Unreadable(f"{envelope.type} does not fit its contract at newerid: a twin has an id of its own")
    return envelope.model_copy(update={"id": envelope.newerid, "newerid": None})
