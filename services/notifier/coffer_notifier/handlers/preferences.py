"""What people want to be told: read, chosen, and turned off by the link in a mail."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from coffer_chassis.copies.people import people_by_id
from coffer_chassis.etags import Conditions, etag_of
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts import notifier as facts
from coffer_contracts.ids import UserId
from coffer_contracts.notifier import NoticeChoice, PreferencesChangedV1
from coffer_notifier.domain.preferences import DEFAULTS, Channels, Preferences, QuietHours
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.store import preferences
from coffer_notifier.store.tables import people


@dataclass(frozen=True, slots=True)
class Wish:
    """All that a person wants; types that are left out have their defaults."""

    choices: Mapping[str, Channels]
    quiet_hours: QuietHours | None
    locale: str | None


def etag(known: Preferences) -> str:
    """Changes whenever the person chooses otherwise."""
    return etag_of(known.user_id, known.revision)


async def find_preferences(deps: Deps, principal: Principal) -> Preferences:
    """What the caller wants."""
    async with deps.work.read() as connection:
        return (await preferences.of_people(connection, [principal.user_id]))[principal.user_id]


async def choose(deps: Deps, principal: Principal, origin: Origin, wish: Wish, conditions: Conditions) -> Preferences:
    """Have it as the caller wishes from now on. May run twice: what changes nothing is no change. Raises PreconditionFailed."""
    async with deps.work.unit(origin) as unit:
        before = await preferences.hold(unit.connection, principal.user_id, unit.now)
        conditions.require(etag(before))
        chosen = {kind: by for kind, by in wish.choices.items() if by != DEFAULTS.get(kind)}
        wanted = replace(before, choices=chosen, quiet_hours=wish.quiet_hours, locale=wish.locale)
        return before if wanted == before else await _change(unit, wanted, "chosen")


async def locale_of(deps: Deps, user_id: UserId) -> str:
    """The language that a person wants to be written to in; nothing for somebody unknown who chose none."""
    async with deps.work.read() as connection:
        wishes = (await preferences.of_people(connection, [user_id]))[user_id]
        known = (await people_by_id(connection, people, [user_id])).get(user_id)
    return wishes.locale or (known.locale if known else "")


async def unsubscribe(deps: Deps, origin: Origin, user_id: UserId, kind: str) -> None:
    """No mail about that type of notice any more. May run twice."""
    async with deps.work.unit(origin) as unit:
        before = await preferences.hold(unit.connection, user_id, unit.now)
        if before.by(kind).email:
            await _change(unit, replace(before, choices=before.without_mail_of(kind)), "unsubscribed")


async def _change(unit: Unit, wanted: Preferences, how: str) -> Preferences:
    after = await preferences.write(unit.connection, wanted, unit.now)
    quiet = after.quiet_hours
    fact = PreferencesChangedV1(
        user_id=after.user_id,
        how=how,
        choices=tuple(NoticeChoice(notice=kind, **_by(after.by(kind))) for kind in DEFAULTS),
        quiet_hours=quiet and facts.QuietHours(start=f"{quiet.start:%H:%M}", end=f"{quiet.end:%H:%M}", timezone=quiet.timezone),
        locale=after.locale,
        changed_at=unit.now,
    )
    unit.emit(fact, sequence=after.revision)
    return after


def _by(channels: Channels) -> dict[str, bool]:
    return {"in_app": channels.in_app, "email": channels.email}
