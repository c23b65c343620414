"""Which facts the audit keeps.

Every type of the catalog stands here, kept or with a reason why not, and so does every field that a kept one leaves empty;
tests hold both against the contracts.
"""

from collections.abc import Mapping

from coffer_contracts import auth, files, media, notifier, sharing, sharing_invitations, sharing_links
from coffer_contracts.event import Event
from coffer_notifier.domain.security import SECURITY

AUDITED: tuple[type[Event], ...] = (
    *SECURITY,
    auth.UserRegisteredV1,
    auth.UserVerifiedV1,
    auth.UserChangedV1,
    auth.UserSuspendedV1,
    auth.UserDeletedV1,
    sharing.ShareCreatedV1,
    sharing.ShareChangedV2,
    sharing.ShareRevokedV1,
    sharing.ShareLeftV1,
    sharing_invitations.InvitationCreatedV1,
    sharing_invitations.InvitationChangedV1,
    sharing_invitations.InvitationEndedV1,
    sharing_links.LinkCreatedV1,
    sharing_links.LinkChangedV1,
    sharing_links.LinkDisabledV1,
    sharing_links.LinkUnlockedV1,
    sharing_links.LinkUnlockFailedV1,
    sharing_links.LinkDownloadedV1,
    *(service.OperatorActedV1 for service in (auth, files, media, sharing, notifier)),
)

NOT_AUDITED: Mapping[str, str] = {
    "files.item.": "what happens to items is no act about rights; activity keeps it for who may see them",
    "files.version.": "as items",
    "files.upload.": "steps of an upload; what came of it is an item",
    "files.usage.": "nobody did it",
    "files.job.": "work that was asked for; what it did are facts of its own",
    "files.preview.": "asked for by the system",
    "media.upload.": "what a machine found in bytes",
    "media.preview.": "as verdicts",
    "media.page.": "as verdicts",
    "media.photo.": "as verdicts",
    "auth.photo.": "a picture on its way; what came of it is a change of the account",
    "sharing.grant.": "the bare right, told again at will; the share or link that makes it is kept",
    "sharing.share.changed.v1": "the older twin of a fact that is kept",
    "sharing.link.viewed.v1": "nothing was opened; sharing keeps visits for who made the link",
    "sharing.link.uploaded.v1": "told only where the maker of the link wants to be; activity keeps what came",
    "sharing.link.sessions_ended.v1": "follows from a change or an end that is kept",
    "sharing.comment.": "words about items; activity keeps that there were any",
    "notifier.preferences.": "by what somebody wants to be told is no right",
    "notifier.webhook.": "an end that failures made, or an operator, whose act is kept",
}
"""The beginning of a type -> why its facts are not kept."""

SIGHTINGS = ".sighting.noted.v1"
"""What every service tells of uses of tokens: once in a while, so it is no record of what was done."""

_NOBODY_SIGNED_IN = "nobody was signed in"
_PUBLIC_COPY = "facts about accounts are copied by every service; addresses are not for them"
_NOTHING_CHANGED = "nothing was changed by it"
_SECRETS = "what it was and is are secrets"
_AS_ASKED = "it was done as asked, so there is no reason to tell"
_ACCOUNT_NAME = "looked up when it is written down: the name of the account as the notifier knows it"
_OF_NO_OWNER = "the installation is nobody's"
_MANY = "an act on many things, or on one that has no name"
_VISITOR = "visitors of links have no session until they come in, and nobody keeps more of them than network and program"
_IN_DETAIL = "what was done stands in `detail`, in the words of the service; of an account, in `user.changed` beside it"

EMPTY: Mapping[str, Mapping[str, str]] = {
    "auth.session.created.v1": {"reason_code": _AS_ASKED},
    "auth.session.revoked.v1": {"resource.name_at_time": _ACCOUNT_NAME},
    "auth.session.reuse_detected.v1": {
        "actor.session_id": _NOBODY_SIGNED_IN,
        "resource.name_at_time": _ACCOUNT_NAME,
        "reason_code": "the action says it",
        "changes": "the session ends, which is a fact of its own",
    },
    "auth.login.failed.v1": {
        "actor.session_id": _NOBODY_SIGNED_IN,
        "resource.name_at_time": _ACCOUNT_NAME,
        "changes": _NOTHING_CHANGED,
    },
    "auth.password.changed.v1": {"resource.name_at_time": _ACCOUNT_NAME, "changes": _SECRETS},
    "auth.password.reset_requested.v1": {
        "actor.session_id": _NOBODY_SIGNED_IN,
        "resource.name_at_time": _ACCOUNT_NAME,
        "reason_code": _AS_ASKED,
        "changes": _NOTHING_CHANGED,
    },
    "auth.token.created.v1": {"reason_code": _AS_ASKED},
    "auth.mfa.enabled.v1": {"resource.name_at_time": _ACCOUNT_NAME, "reason_code": _AS_ASKED},
    "auth.mfa.disabled.v1": {"resource.name_at_time": _ACCOUNT_NAME},
    "auth.mfa.recovery_used.v1": {"resource.name_at_time": _ACCOUNT_NAME, "reason_code": _AS_ASKED},
    "auth.mfa.codes_rotated.v1": {"resource.name_at_time": _ACCOUNT_NAME, "reason_code": _AS_ASKED},
    "auth.identity.linked.v1": {
        "actor.session_id": _NOBODY_SIGNED_IN,
        "resource.name_at_time": _ACCOUNT_NAME,
        "reason_code": _AS_ASKED,
    },
    "auth.user.": {"actor.ip": _PUBLIC_COPY, "actor.user_agent": _PUBLIC_COPY, "reason_code": _AS_ASKED},
    "sharing.share.created.v1": {"reason_code": _AS_ASKED},
    "sharing.share.changed.v2": {"reason_code": _AS_ASKED},
    "sharing.share.left.v1": {"reason_code": _AS_ASKED},
    "sharing.invitation.created.v1": {"reason_code": _AS_ASKED},
    "sharing.invitation.changed.v1": {"reason_code": _AS_ASKED},
    "sharing.link.created.v1": {"reason_code": _AS_ASKED},
    "sharing.link.changed.v1": {"reason_code": _AS_ASKED},
    "sharing.link.unlocked.v1": {"actor.session_id": _VISITOR, "reason_code": _AS_ASKED, "changes": _NOTHING_CHANGED},
    "sharing.link.unlock_failed.v1": {
        "actor.session_id": _VISITOR,
        "reason_code": "the action says it",
        "changes": _NOTHING_CHANGED,
    },
    "sharing.link.downloaded.v1": {"reason_code": _AS_ASKED},
    **{
        f"{service}.operator.acted.v1": {
            "resource.owner_id": _OF_NO_OWNER,
            "resource.name_at_time": _MANY,
            "reason_code": _AS_ASKED,
            "changes": _IN_DETAIL,
        }
        for service in ("auth", "files", "media", "sharing", "notifier")
    },
}
"""Type, or the beginning of several -> field -> why it is empty in what the type says at most."""


def why_not_kept(wire_type: str) -> str | None:
    """Why facts of the type are not kept; None for those that are, and for those that nobody has thought of."""
    if wire_type.endswith(SIGHTINGS):
        return "uses of tokens, told once in a while"
    return next((reason for beginning, reason in NOT_AUDITED.items() if wire_type.startswith(beginning)), None)


def why_empty(wire_type: str) -> Mapping[str, str]:
    """Field -> why entries of the type may leave it empty."""
    return {name: why for beginning, fields in EMPTY.items() if wire_type.startswith(beginning) for name, why in fields.items()}
