"""Composing: what a mail says, looked up when it is about to be sent, or why it is not to be sent.

The recipient may have closed the account by then, or no longer see what the mail is about.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from coffer_chassis.copies.people import Person, people_by_id
from coffer_chassis.sealing import CannotOpen, open_sealed
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_mail import mail_context
from coffer_contracts.ids import ItemId, MailId, UserId
from coffer_notifier.domain.letters import Letter, ShareNews, share_letter, usable_address
from coffer_notifier.domain.letters_account import AccountNews, account_letter
from coffer_notifier.domain.letters_security import Happened, security_letter
from coffer_notifier.domain.letters_webhook import TurnedOff, webhook_letter
from coffer_notifier.domain.mails import PRIVATE_KINDS, SECURITY_ALERT, UNKNOWN_FOR, WEBHOOK_DISABLED, Giving
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.sight import look
from coffer_notifier.store.mails import Mail
from coffer_notifier.store.tables import grants, people


@dataclass(frozen=True, slots=True)
class Later:
    """Not to be sent yet, and why."""

    reason: str


async def compose(unit: Unit, deps: Deps, mail: Mail) -> Letter | Giving | Later:
    """What the mail says, why it is not to be sent at all, or why not yet."""
    if mail.kind in PRIVATE_KINDS:
        return _requested(unit, deps, mail)
    by_kind = {SECURITY_ALERT: _warning, WEBHOOK_DISABLED: _turned_off}
    return await by_kind.get(mail.kind, _share)(unit, deps, mail)


async def _warning(unit: Unit, deps: Deps, mail: Mail) -> Letter | Giving | Later:
    """What happened to the recipient's own account; also to one that was suspended, whose owner is to know."""
    known = await people_by_id(unit.connection, people, [mail.user_id])
    found = _address_of(unit, deps, mail, known.get(mail.user_id), may_be_suspended=True)
    if not isinstance(found, _Addressee):
        return found
    person = found.person
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
    return security_letter(found.address, person.display_name or person.username, person.locale, deps.public_url, happened)


async def _turned_off(unit: Unit, deps: Deps, mail: Mail) -> Letter | Giving | Later:
    """The recipient's own webhook was turned off."""
    known = await people_by_id(unit.connection, people, [mail.user_id])
    found = _address_of(unit, deps, mail, known.get(mail.user_id))
    if not isinstance(found, _Addressee):
        return found
    person, data = found.person, mail.data
    name = person.display_name or person.username
    return webhook_letter(found.address, TurnedOff(name, person.locale, deps.public_url, data["host"], data["reason"]))


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


async def _share(unit: Unit, deps: Deps, mail: Mail) -> Letter | Giving | Later:
    data = mail.data
    known = await people_by_id(unit.connection, people, [mail.user_id, UserId(data["sharer_id"])])
    found = _address_of(unit, deps, mail, known.get(mail.user_id))
    if not isinstance(found, _Addressee):
        return found
    if await _has_ended(unit, mail):
        return Giving("no_longer_shared")
    return _share_letter(found.address, found.person, known.get(UserId(data["sharer_id"])), data, deps.public_url)


@dataclass(frozen=True, slots=True)
class _Addressee:
    """Whom to write to, and where."""

    person: Person
    address: str


def _address_of(
    unit: Unit, deps: Deps, mail: Mail, person: Person | None, *, may_be_suspended: bool = False
) -> _Addressee | Giving | Later:
    if person is None:
        unknown_for = unit.now - mail.created_at
        return Giving("recipient_unknown") if unknown_for > UNKNOWN_FOR else Later("the recipient is not known yet")
    if not (person.is_active or (may_be_suspended and person.status == "suspended")):
        return Giving("recipient_inactive")
    if not (person.email_verified or deps.settings.mail_to_unverified):
        return Giving("address_unverified")
    address = usable_address(person.email)
    return Giving("address_unusable") if address is None else _Addressee(person, address)


def _share_letter(address: str, recipient: Person, sharer: Person | None, data: Any, public_url: str) -> Letter:
    news = ShareNews(
        recipient_name=recipient.display_name or recipient.username,
        sharer_name=(sharer.display_name or sharer.username) if sharer else "",
        sharer_username=sharer.username if sharer else None,
        item_name=data["item_name"],
        item_kind=data["item_kind"],
        role=data["role"],
        message=data["message"],
        expires_at=datetime.fromisoformat(data["expires_at"]) if data["expires_at"] else None,
        link=f"{public_url}/app/items/{data['item_id']}",
    )
    return share_letter(address, news)


async def _has_ended(unit: Unit, mail: Mail) -> bool:
    """Whether the recipient can no longer see what was shared. A grant that was never heard of may still be on its way."""
    item_id, share_id = ItemId(mail.data["item_id"]), mail.data["share_id"]
    heard = (await unit.connection.execute(select(grants.c.grant_id).where(grants.c.grant_id == share_id))).scalar()
    sight = await look(unit.connection, [item_id], unit.now, reader=mail.user_id)
    return item_id in sight.gone or (heard is not None and not sight.may_read(mail.user_id, item_id, None))
