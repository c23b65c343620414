"""Composing: what a mail says, looked up when it is about to be sent, or why it is not to be sent.

The recipient may have closed the account by then, or no longer see what the mail is about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from coffer_chassis.copies.people import Person, people_by_id
from coffer_chassis.sealing import CannotOpen, open_sealed
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_mail import mail_context
from coffer_contracts.ids import ItemId, MailId, UserId
from coffer_notifier.domain import notices as kinds
from coffer_notifier.domain.letters import Letter, usable_address
from coffer_notifier.domain.letters_account import AccountNews, account_letter
from coffer_notifier.domain.letters_notices import NoticeNews, notice_letter
from coffer_notifier.domain.letters_security import Happened, security_letter
from coffer_notifier.domain.letters_share import ShareNews, share_letter
from coffer_notifier.domain.letters_webhook import QUEUE, TAKEN_DOWN, TurnedOff, webhook_letter
from coffer_notifier.domain.mails import (
    BY_ONE_WITHIN,
    INVITATION,
    MOST_BY_ONE,
    NOTICE,
    PRIVATE_KINDS,
    SECURITY_ALERT,
    SHARE_CREATED,
    UNKNOWN_FOR,
    WEBHOOK_DISABLED,
    Giving,
    Later,
)
from coffer_notifier.domain.preferences import Preferences
from coffer_notifier.domain.unsubscribing import Leaving, address_for
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.invitation_mail import compose_invitation
from coffer_notifier.handlers.showing import actors_named, visible
from coffer_notifier.handlers.sight import look
from coffer_notifier.store import mails, notices, preferences
from coffer_notifier.store.mails import Mail
from coffer_notifier.store.tables import grants, people

_TYPES: Mapping[str, str] = {SHARE_CREATED: kinds.SHARE_RECEIVED, WEBHOOK_DISABLED: kinds.WEBHOOK_DISABLED}
"""Kind of mail -> the type of notice that its reader may turn off; what is made from a notice has that of the notice."""


@dataclass(frozen=True, slots=True)
class _Addressee:
    """Whom to write to, where, in what language, and at what address they turn it off."""

    person: Person
    address: str
    locale: str
    leave: str | None = None

    @property
    def name(self) -> str:
        return self.person.display_name or self.person.username


async def compose(unit: Unit, deps: Deps, mail: Mail) -> Letter | Giving | Later:
    """What the mail says, why it is not to be sent at all, or why not yet."""
    if mail.kind == INVITATION:
        return await compose_invitation(unit, deps, mail)
    if mail.kind in PRIVATE_KINDS:
        return _requested(unit, deps, mail)
    write = {SECURITY_ALERT: _warning, WEBHOOK_DISABLED: _turned_off, NOTICE: _notice, SHARE_CREATED: _share}[mail.kind]
    known = (await people_by_id(unit.connection, people, [mail.user_id])).get(mail.user_id)
    wishes = (await preferences.of_people(unit.connection, [mail.user_id]))[mail.user_id]
    found = _addressee(unit, deps, mail, known, wishes)
    if isinstance(found, _Addressee) and await mails.count_by(unit.connection, mail, unit.now - BY_ONE_WITHIN) >= MOST_BY_ONE:
        return Giving("too_many_by_one")
    return await write(unit, deps, mail, found) if isinstance(found, _Addressee) else found


def _addressee(unit: Unit, deps: Deps, mail: Mail, person: Person | None, wishes: Preferences) -> _Addressee | Giving | Later:
    if person is None:
        unknown_for = unit.now - mail.created_at
        return Giving("recipient_unknown") if unknown_for > UNKNOWN_FOR else Later("the recipient is not known yet")
    may_be_suspended = mail.kind == SECURITY_ALERT  # its owner is to know what happens to it
    if not (person.is_active or (may_be_suspended and person.status == "suspended")):
        return Giving("recipient_inactive")
    if not (person.email_verified or deps.settings.mail_to_unverified):
        return Giving("address_unverified")
    address, locale = usable_address(person.email), wishes.locale or person.locale
    if address is None:
        return Giving("address_unusable")
    if mail.kind == SECURITY_ALERT:
        return _Addressee(person, address, locale)
    kind = _TYPES.get(mail.kind) or str(mail.data["notice"])
    if not wishes.by(kind).email:
        return Giving("not_wanted")
    if wishes.quiet_hours and (until := wishes.quiet_hours.end_after(unit.now)):
        return Later("the recipient has quiet hours", until)
    leaving = Leaving(mail.user_id, kind)
    return _Addressee(person, address, locale, address_for(deps.settings.unsubscribe_keys[0], deps.public_url, leaving))


async def _warning(_unit: Unit, deps: Deps, mail: Mail, found: _Addressee) -> Letter:
    """What happened to the recipient's own account."""
    happened = [
        Happened(
            kind=part["kind"],
            at=datetime.fromisoformat(part["at"]),
            name=part.get("name") or "",
            device=" · ".join(filter(None, (part.get("device_name"), part.get("agent")))),
            address=part.get("address") or "",
        )
        for part in mail.data["parts"]
    ]
    return security_letter(found.address, found.name, found.locale, deps.public_url, happened)


async def _turned_off(_unit: Unit, deps: Deps, mail: Mail, found: _Addressee) -> Letter:
    """The recipient's own webhook or queue was turned off."""
    queue = mail.data.get("queue_arn")
    reason, detail = mail.data["reason"], mail.data.get("detail") or ""
    kind = QUEUE if queue and reason != TAKEN_DOWN else reason
    news = TurnedOff(found.name, found.locale, deps.public_url, queue or mail.data["host"], kind, found.leave, detail)
    return webhook_letter(found.address, news)


async def _notice(unit: Unit, deps: Deps, mail: Mail, found: _Addressee) -> Letter | Giving:
    """What a notice says, by the eyes with which it is read in the feed, and at this moment."""
    notice = (await notices.by_id(unit.connection, [mail.data["notice_id"]])).get(mail.data["notice_id"])
    if notice is None:
        return Giving("notice_gone")
    if notice.read_at is not None:
        return Giving("notice_read")
    if not await visible(unit.connection, [notice], unit.now):
        return Giving("no_longer_visible")
    actor = (await actors_named(unit.connection, [notice.actor_id])).get(notice.actor_id or "")
    news = NoticeNews(
        notice=notice,
        actor_name=(actor.display_name or actor.username or "") if actor else "",
        actor_username=actor.username if actor else None,
        name=found.name,
        locale=found.locale,
        public_url=deps.public_url,
        leave=found.leave,
    )
    return notice_letter(found.address, news)


def _requested(unit: Unit, deps: Deps, mail: Mail) -> Letter | Giving | Later:
    """What auth asked for in private goes to the address that stands in it, whatever is known of the account."""
    data = mail.data
    expires_at = datetime.fromisoformat(data["expires_at"])
    if expires_at <= unit.now:
        return Giving("expired")
    address = usable_address(data["address"])
    if address is None:
        return Giving("address_unusable")
    secret = None
    if data["sealed"] is not None:
        context = mail_context(MailId(data["mail_id"]), mail.user_id, mail.kind, data["address"], expires_at)
        try:
            secret = open_sealed(deps.settings.mail_keys, data["sealed"], context).decode()
        except (CannotOpen, UnicodeError):
            return Later("its secret does not open with the keys of this process")
    news = AccountNews(mail.kind, data["display_name"], data["locale"], deps.public_url, secret, expires_at - unit.now)
    return account_letter(address, news)


async def _share(unit: Unit, deps: Deps, mail: Mail, found: _Addressee) -> Letter | Giving:
    """What was shared with the recipient."""
    if await _has_ended(unit, mail):
        return Giving("no_longer_shared")
    data, sharer_id = mail.data, UserId(mail.data["sharer_id"])
    sharer = (await people_by_id(unit.connection, people, [sharer_id])).get(sharer_id)
    news = ShareNews(
        recipient_name=found.name,
        sharer_name=(sharer.display_name or sharer.username) if sharer else "",
        sharer_username=sharer.username if sharer else None,
        item_name=data["item_name"],
        item_kind=data["item_kind"],
        role=data["role"],
        message=data["message"],
        expires_at=datetime.fromisoformat(data["expires_at"]) if data["expires_at"] else None,
        link=f"{deps.public_url}/app/items/{data['item_id']}",
        locale=found.locale,
        leave=found.leave,
    )
    return share_letter(found.address, news)


async def _has_ended(unit: Unit, mail: Mail) -> bool:
    """Whether the recipient can no longer see what was shared. A grant that was never heard of may still be on its way."""
    item_id, share_id = ItemId(mail.data["item_id"]), mail.data["share_id"]
    heard = (await unit.connection.execute(select(grants.c.grant_id).where(grants.c.grant_id == share_id))).scalar()
    sight = await look(unit.connection, [item_id], unit.now, reader=mail.user_id)
    return item_id in sight.gone or (heard is not None and not sight.may_read(mail.user_id, item_id, None))
