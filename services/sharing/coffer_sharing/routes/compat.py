"""Sharing as the CloudDrive API does it: its words, our refusals (INTERFACES 1.7).

They stay: answers name the route to prefer as `successor-version` (RFC 5829) and announce no end.
"""

from typing import Self
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coffer_chassis.access import ROLES, Rights
from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body, Timestamp, link_header, successor, timestamp
from coffer_chassis.cursors import Listing
from coffer_chassis.openapi import documented
from coffer_chassis.requests import LARGEST_LIMIT, IdText, TheCursors, TheOrigin, ThePrincipal
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId
from coffer_contracts.problems import AlreadyShared, Forbidden, NotFound, StateConflict
from coffer_contracts.sharing import GrantSetV1, ShareCreatedV1, ShareRole
from coffer_sharing.domain import Named, Order
from coffer_sharing.handlers.giving import Gift, share_item
from coffer_sharing.handlers.reading import list_with_me
from coffer_sharing.handlers.showing import Shown
from coffer_sharing.routes.requests import NAME_LIMIT, READ, WRITE, TheDeps
from coffer_sharing.store.listings import Asked

_ID = "0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11"


class CompatShareBody(Body):
    """What is shared with whom, each right by itself, as the CloudDrive API takes it."""

    file_id: IdText | None = Field(None, description="The file; this or `folder_id`.")
    folder_id: IdText | None = Field(None, description="The folder; this or `file_id`.")
    username: str = Field(max_length=NAME_LIMIT, description="With whom, by user name, however it is spelled.")
    read: bool = Field(True, description="Look and download; whoever may do anything may do this, so it is never false.")
    write: bool = Field(False, description="Change as well.")
    delete: bool = Field(False, description="Remove as well.")

    @model_validator(mode="after")
    def _one_thing_that_can_be_read(self) -> Self:
        if (self.file_id is None) == (self.folder_id is None):
            raise PydanticCustomError("one_of", "Name what is shared by file_id or by folder_id, one of the two.")
        if not self.read:
            raise PydanticCustomError("not_allowed", "What is shared can be read.")
        return self

    @property
    def role(self) -> ShareRole:
        """The role that gives exactly these rights."""
        if self.write:
            return "editor" if self.delete else "contributor"
        return "remover" if self.delete else "viewer"


class SharedAnswer(msgspec.Struct, frozen=True):
    """What happened, in a sentence, and the share that was made."""

    message: str
    id: str


class SharedEntryAnswer(msgspec.Struct, frozen=True, gc=False):
    """Something that is shared with the caller. `type` is what the name of a file ends in, null for folders. `size_in_bytes`
    and the owner's `email` are always null: sharing knows neither. `username` is the owner's, null until auth has told it.
    """

    id: str
    name: str
    size_in_bytes: int | None
    type: str | None
    email: str | None
    username: str | None
    read: bool
    write: bool
    delete: bool
    shared_at: Timestamp


class SharedWithMeAnswer(msgspec.Struct, frozen=True):
    """What is shared with the caller, the newest first."""

    content: list[SharedEntryAnswer]


@post(
    "/share",
    opt=user(WRITE)
    | documented(
        raises=[NotFound, Forbidden, StateConflict, AlreadyShared],
        headers=["Link"],
        request={"folder_id": _ID, "username": "grace", "read": True, "write": True, "delete": False},
        events=[GrantSetV1.type, ShareCreatedV1.type],
        compat=True,
    ),
    status_code=200,
)
async def share_drive_item(
    data: JSONBody[CompatShareBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[SharedAnswer]:
    """Share a file or a folder with one person, the CloudDrive way.

    As `POST /v1/shares`, with a sentence for an answer. Rights that are no role there have one of their own: `contributor`
    reads and writes, `remover` reads and deletes.
    """
    kind: ItemKind = "file" if data.file_id is not None else "folder"
    item_id = ItemId(data.file_id or data.folder_id or "")
    gift = Gift(item_id, [Named(None, data.username)], data.role, kind=kind)
    made, _ = await share_item(deps, principal, origin, None, gift)
    [one] = made.shares
    with_whom = one.people.recipient.username or data.username
    return Response(SharedAnswer(f"{one.name!r} is shared with {with_whom}.", one.share.id), headers=successor("/v1/shares"))


@get("/shared-with-me", opt=user(READ) | documented(headers=["Link"], compat=True))
async def get_shared_with_me(principal: ThePrincipal, deps: TheDeps, cursors: TheCursors) -> Response[SharedWithMeAnswer]:
    """List what is shared with you, the CloudDrive way.

    Whatever lies in folders of its owner is listed too. Of more than a thousand shares the newest are answered, and `Link`
    leads to the others in the shape of `GET /v1/shares/with-me`.
    """
    order = Order()
    page = await list_with_me(deps, principal, Asked(order, LARGEST_LIMIT))
    links = [("/v1/shares/with-me", "successor-version")]
    if page.after is not None:
        # A cursor of the route that it leads to: see there what it is bound to.
        listing = Listing("shares-with-me", principal.user_id, order.text, {"kind": None})
        query = {"sort": order.text, "limit": str(LARGEST_LIMIT), "cursor": cursors.seal([*page.after], listing)}
        links.append((f"/v1/shares/with-me?{urlencode(query)}", "next"))
    answer = SharedWithMeAnswer([_entry(one) for one in page.shares])
    return Response(answer, headers={"Cache-Control": "private, no-cache", **link_header(links)})


def _entry(shown: Shown) -> SharedEntryAnswer:
    rights = ROLES[shown.share.role]
    return SharedEntryAnswer(
        shown.share.item_id,
        shown.name,
        None,
        _extension(shown.name) if shown.kind == "file" else None,
        None,
        shown.people.owner.username,
        Rights.READ in rights,
        Rights.WRITE in rights,
        Rights.DELETE in rights,
        timestamp(shown.share.created_at),
    )


def _extension(name: str) -> str:
    """What a name ends in, without the dot and in small letters; `other` for a name without an extension."""
    stem, dot, end = name.rpartition(".")
    return end.lower() if dot and stem and end else "other"


ROUTES = (share_drive_item, get_shared_with_me)
