"""How invitations look on the wire, and what sharing something answers."""

from typing import Literal

import msgspec

from coffer_chassis.answers import PermissionsAnswer, Timestamp, timestamp
from coffer_contracts.sharing import ShareRole
from coffer_sharing.handlers.giving import Given
from coffer_sharing.handlers.showing_invitations import ShownInvitation
from coffer_sharing.routes.answers import GIVEN, PersonAnswer, ShareAnswer, SharedItemAnswer, person_answer, share_answer


class InvitationAnswer(msgspec.Struct, frozen=True):
    """An item that waits for whoever proves an e-mail address. `permissions` is what they will be able to do, until
    `expires_at`. At `lapses_at` the invitation ends if nobody has come. Once it was accepted, `share_id` is the share that it
    has become, and the address is forgotten. `ended` is one that comes to nothing: only whoever repeats the request that made
    it is told of such.
    """

    id: str
    state: Literal["pending", "accepted", "ended"]
    item: SharedItemAnswer
    email: str | None
    granted_by: PersonAnswer
    role: ShareRole
    permissions: PermissionsAnswer
    message: str | None
    expires_at: Timestamp | None
    lapses_at: Timestamp
    created_at: Timestamp
    changed_at: Timestamp
    share_id: str | None
    etag: str


class InvitationPage(msgspec.Struct, frozen=True):
    """Part of a list; `next_cursor` is null at the end and nowhere else."""

    items: list[InvitationAnswer]
    next_cursor: str | None


class SharesAnswer(msgspec.Struct, frozen=True):
    """What was made: shares in the order of those recipients who were named by id or user name, invitations in the order of the
    addresses.
    """

    shares: list[ShareAnswer]
    invitations: list[InvitationAnswer]


def invitation_answer(shown: ShownInvitation) -> InvitationAnswer:
    """An invitation, however it stands."""
    one = shown.invitation
    accepted = one.end_reason == "accepted"
    return InvitationAnswer(
        one.id,
        "pending" if one.ended_at is None else "accepted" if accepted else "ended",
        SharedItemAnswer(one.item_id, shown.kind, shown.name, person_answer(shown.owner)),
        shown.email,
        person_answer(shown.granted_by),
        one.role,
        GIVEN[one.role],
        one.message,
        timestamp(one.expires_at) if one.expires_at else None,
        timestamp(one.lapses_at),
        timestamp(one.created_at),
        timestamp(one.changed_at),
        one.id if accepted else None,
        shown.etag,
    )


def shares_answer(given: Given) -> SharesAnswer:
    """What sharing something has made."""
    return SharesAnswer([share_answer(one) for one in given.shares], [invitation_answer(one) for one in given.invitations])
