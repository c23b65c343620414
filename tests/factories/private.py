"""Private commands of the first service, a second one whose lane alone may read them, and the secret that none may see."""

from datetime import datetime, timedelta

from coffer_chassis.ids import new_id
from coffer_chassis.private_outbox import PrivateRelay
from coffer_chassis.sealing import OpeningKey, SealingKey, seal
from coffer_chassis.topology import Lane, ServiceTopology, Topology
from coffer_contracts.auth_mail import RESET_PASSWORD, MailRequestedV1, mail_context
from coffer_contracts.ids import MailId, UserId
from factories.eventing import NOON, ORIGIN, Store, user_id
from factories.relaying import RecordingBus

KEY = OpeningKey.of_hex("22" * 32)
SECRET = "tok-Ez7mQpXw2Lk9"
ADDRESS = "maria.lind@example.org"
ASKED = MailRequestedV1.type
FIRST = ServiceTopology("first", sends_privately=True)
PRIVATE_LANE = Lane("second-private", {"first-private": (ASKED,)}, private=True)
HOUSE = Topology("bucket", (FIRST, ServiceTopology("second", (PRIVATE_LANE,))))


def asked(number: int = 1, *, now: datetime = NOON, minutes: float = 30) -> MailRequestedV1:
    """A command about user `number`, good for so long."""
    expires_at = now + timedelta(minutes=minutes)
    return asked_by_auth(KEY.sealing, user_id(number), RESET_PASSWORD, address=ADDRESS, secret=SECRET, expires_at=expires_at)


def asked_by_auth(
    key: SealingKey, user: UserId, kind: str, *, address: str, secret: str | None, expires_at: datetime, locale: str = "en"
) -> MailRequestedV1:
    """A command as auth makes it."""
    mail_id = MailId(new_id())
    context = mail_context(mail_id, user, kind, address, expires_at)
    return MailRequestedV1(
        mail_id=mail_id,
        user_id=user,
        kind=kind,
        address=address,
        display_name="Maria Lind",
        locale=locale,
        sealed=None if secret is None else seal(key, secret.encode(), context),
        expires_at=expires_at,
    )


async def send(store: Store, *commands: MailRequestedV1) -> list[str]:
    """Send them when a unit commits; their ids."""
    async with store.work.unit(ORIGIN) as unit:
        return [unit.send_privately(command) for command in commands]


def private_bus() -> RecordingBus:
    """A bus of that house which remembers what it was given."""
    return RecordingBus(HOUSE)


def private_relay_of(store: Store, bus: RecordingBus) -> PrivateRelay:
    """The relay of private commands of one process."""
    return PrivateRelay(store.work, bus, topic="first-private", service="first")
