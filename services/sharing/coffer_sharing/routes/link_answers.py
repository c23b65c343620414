"""How public links look on the wire."""

from collections.abc import Sequence

import msgspec

from coffer_chassis.access import Rights
from coffer_chassis.answers import PermissionsAnswer, Timestamp, permissions_answer, timestamp
from coffer_chassis.tickets import TicketUse
from coffer_contracts.files import ItemKind
from coffer_contracts.ids import ItemId
from coffer_contracts.sharing_links import LinkMode
from coffer_sharing.domain.links import Program, State
from coffer_sharing.handlers.link_explaining import LinkCause
from coffer_sharing.handlers.link_showing import ShownLink
from coffer_sharing.handlers.link_tickets import Tickets
from coffer_sharing.handlers.link_visits import Door, Entry
from coffer_sharing.routes.answers import ExplanationAnswer, InheritedAnswer, PersonAnswer, SharedItemAnswer, person_answer
from coffer_sharing.store.link_accesses import Access, Action


class TakedownAnswer(msgspec.Struct, frozen=True):
    """An operator has shut the link."""

    at: Timestamp
    reason: str


class LinkAnswer(msgspec.Struct, frozen=True):
    """A public link. `url` opens it; it is null for operators, and where the secret that made it is no longer in use. `state`
    is the first of these that applies: `taken_down`, `disabled`, `expired`, `exhausted`, `active`. The tag stays the same
    however often the link is used.
    """

    id: str
    url: str | None
    item: SharedItemAnswer
    created_by: PersonAnswer
    mode: LinkMode
    name: str | None
    has_password: bool
    expires_at: Timestamp | None
    max_downloads: int | None
    downloads: int
    notify_on_upload: bool
    disabled: bool
    taken_down: TakedownAnswer | None
    state: State
    created_at: Timestamp
    changed_at: Timestamp
    etag: str


class LinkPage(msgspec.Struct, frozen=True):
    """Part of a list; `next_cursor` is null at the end and nowhere else."""

    items: list[LinkAnswer]
    next_cursor: str | None


class AccessAnswer(msgspec.Struct, frozen=True):
    """What visitors from one network with one kind of program did in one minute, so many times, and when the last time was."""

    at: Timestamp
    action: Action
    network: str | None
    program: Program
    times: int


class AccessPage(msgspec.Struct, frozen=True):
    """Part of a list; `next_cursor` is null at the end and nowhere else."""

    items: list[AccessAnswer]
    next_cursor: str | None


class PublicOwnerAnswer(msgspec.Struct, frozen=True):
    """Whose it is, by the name that they show."""

    display_name: str | None


class PublicLinkAnswer(msgspec.Struct, frozen=True):
    """What a link leads to, for whoever has its address. `name` is null for a link with a password until it is unlocked."""

    name: str | None
    kind: ItemKind
    mode: LinkMode
    needs_password: bool
    owner: PublicOwnerAnswer
    expires_at: Timestamp | None


class LinkSessionAnswer(msgspec.Struct, frozen=True):
    """A visitor's session: `access_token` goes into `Authorization: Bearer` of the ordinary item routes, beginning with
    `item_id`. It cannot be renewed; unlock again instead.
    """

    access_token: str
    token_type: str
    expires_at: Timestamp
    link_id: str
    item_id: str
    name: str
    kind: ItemKind
    mode: LinkMode


class TicketAnswer(msgspec.Struct, frozen=True):
    """A ticket, good once and until `expires_at`: in `Coffer-Ticket`, or as `ticket` in the query."""

    ticket: str
    item_id: str
    expires_at: Timestamp


class TicketsAnswer(msgspec.Struct, frozen=True):
    """Tickets, and how many downloads are left; null for any number."""

    use: TicketUse
    tickets: list[TicketAnswer]
    downloads_left: int | None


class LinkGivesAnswer(PermissionsAnswer, frozen=True):
    """What may be done through a link. `upload` is to put files into the folder, also without seeing anything of it."""

    upload: bool


class LinkCauseAnswer(msgspec.Struct, frozen=True):
    """A public link that reaches the item. `gives` is what anybody may do who has its address, and its password if it has one;
    without the link they could do nothing. `inherited_from` names the folder of a link from above.
    """

    id: str
    name: str | None
    mode: LinkMode
    state: State
    gives: LinkGivesAnswer
    created_by: PersonAnswer
    created_at: Timestamp
    inherited_from: InheritedAnswer | None


class WholeExplanationAnswer(ExplanationAnswer, frozen=True):
    """What somebody may do with an item, and why; and the public links by which anybody may come to it, for its owner."""

    links: list[LinkCauseAnswer]


def whole_explanation(answer: ExplanationAnswer, links: Sequence[LinkCause], item_id: ItemId) -> WholeExplanationAnswer:
    """An explanation together with the links."""
    told = {name: getattr(answer, name) for name in ExplanationAnswer.__struct_fields__}
    return WholeExplanationAnswer(**told, links=[_link_cause(one, item_id) for one in links])


def _link_cause(cause: LinkCause, item_id: ItemId) -> LinkCauseAnswer:
    shown, link = cause.link, cause.link.link
    above = InheritedAnswer(link.item_id, shown.name) if link.item_id != item_id else None
    plain = permissions_answer(cause.gives)
    gives = LinkGivesAnswer(plain.read, plain.write, plain.delete, plain.share, Rights.UPLOAD in cause.gives)
    made = timestamp(link.created_at)
    return LinkCauseAnswer(link.id, link.name, link.mode, shown.state, gives, person_answer(shown.created_by), made, above)


def link_answer(shown: ShownLink) -> LinkAnswer:
    """A link as who may change it sees it."""
    link = shown.link
    down = TakedownAnswer(timestamp(link.taken_down_at), link.takedown_reason or "") if link.taken_down_at else None
    return LinkAnswer(
        link.id,
        shown.url,
        SharedItemAnswer(link.item_id, shown.kind, shown.name, person_answer(shown.owner)),
        person_answer(shown.created_by),
        link.mode,
        link.name,
        link.is_protected,
        timestamp(link.expires_at) if link.expires_at else None,
        link.max_downloads,
        link.downloads,
        link.notify_on_upload,
        link.disabled_at is not None,
        down,
        shown.state,
        timestamp(link.created_at),
        timestamp(link.changed_at),
        shown.etag,
    )


def access_answer(access: Access) -> AccessAnswer:
    """One entry of the log."""
    return AccessAnswer(timestamp(access.last_at), access.action, access.network or None, access.program, access.times)


def public_answer(door: Door) -> PublicLinkAnswer:
    """A link as a visitor sees it before they have come in."""
    link = door.link
    return PublicLinkAnswer(
        None if link.is_protected else door.at.name,
        door.at.kind,
        link.mode,
        link.is_protected,
        PublicOwnerAnswer(door.owner.display_name if door.owner else None),
        timestamp(link.expires_at) if link.expires_at else None,
    )


def session_answer(entry: Entry) -> LinkSessionAnswer:
    """What a visitor is given who has come in."""
    link, at = entry.door.link, entry.door.at
    ends = timestamp(entry.expires_at)
    return LinkSessionAnswer(entry.token, "Bearer", ends, link.id, link.item_id, at.name, at.kind, link.mode)


def tickets_answer(made: Tickets) -> TicketsAnswer:
    """Tickets as they are given."""
    link = made.link
    left = None if link.max_downloads is None else max(0, link.max_downloads - link.downloads)
    given = [TicketAnswer(one.token, one.item_id, timestamp(one.expires_at)) for one in made.given]
    return TicketsAnswer(made.use, given, left)
