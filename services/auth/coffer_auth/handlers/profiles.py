"""Commands about one's own profile: looking at it, changing it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from coffer_auth.domain import profiles as rules
from coffer_auth.domain.accounts import User
from coffer_auth.domain.photos import Photo
from coffer_auth.handlers.accounts import account, changed_fact
from coffer_auth.handlers.deps import Deps
from coffer_auth.store import photos, users
from coffer_chassis.etags import Conditions, etag_of
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.problems import Unauthenticated

FEATURES = ("profile", "photo")
"""What the account can do in this release, for clients that serve several: words never change their meaning."""


@dataclass(frozen=True, slots=True)
class Me:
    """One's own account, and the photo that was sent last."""

    user: User
    sent: Photo | None

    @property
    def etag(self) -> str:
        """Another one for everything that it is answered with."""
        sent = (self.sent.id, self.sent.state) if self.sent else ()
        return etag_of("me", self.user.id, self.user.revision, *FEATURES, *sent)


async def my_account(principal: Principal, deps: Deps) -> Me:
    """The caller's own account. Raises Unauthenticated if it or the session has ended, whatever the token says."""
    user = await account(principal.user_id, principal.session_id, deps)
    async with deps.work.read() as connection:
        return Me(user, await photos.newest_photo(connection, user.id))


async def change_profile(
    deps: Deps, principal: Principal, origin: Origin, wish: Mapping[str, str | None], conditions: Conditions
) -> Me:
    """Write what of `wish` differs: `display_name`, `locale`, `timezone`. Twice the same tells of it once.

    Raises ValidationFailed, PreconditionFailed, Unauthenticated for an account that has ended.
    """
    accepted: dict[str, object] = dict(wish)
    if (name := wish.get("display_name")) is not None:
        accepted["display_name"] = rules.accept_display_name(name)
    if (zone := wish.get("timezone")) is not None:
        accepted["timezone"] = rules.accept_timezone(zone)
    async with deps.work.unit(origin) as unit:
        user = await users.lock_user(unit.connection, principal.user_id)
        if user is None or user.status != "active":
            raise Unauthenticated("The account has ended.")
        me = Me(user, await photos.newest_photo(unit.connection, user.id))
        conditions.require(me.etag)
        return replace(me, user=await write_changes(unit, user, rules.changed(user, accepted)))


async def write_changes(unit: Unit, user: User, values: Mapping[str, object]) -> User:
    """Make a locked account stand so and tell of it; without values nothing happens."""
    if not values:
        return user
    after = await users.change(unit.connection, user.id, values, unit.now)
    unit.emit(changed_fact(user, after, values), sequence=after.revision)
    return after
