"""Other people: finding the one whose name or address is known."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from coffer_auth.domain.accounts import User
from coffer_auth.handlers.people import person_known_as
from coffer_auth.routes.answers import photo_path
from coffer_auth.routes.requests import TheDeps
from coffer_chassis.access_rules import user as signed_in
from coffer_chassis.requests import refused

LONGEST_QUERY = 320

Query = Annotated[str, QueryParameter(name="q", description="A whole user name, or a whole e-mail address.")]


class PersonAnswer(msgspec.Struct, frozen=True):
    """What everybody here may know of somebody."""

    id: str
    username: str
    display_name: str
    photo: str | None


class PeopleAnswer(msgspec.Struct, frozen=True):
    """Who was found: nobody, or the one person."""

    items: list[PersonAnswer]


def person_answer(user: User) -> PersonAnswer:
    """Somebody as everybody may see them."""
    return PersonAnswer(user.id, user.username, user.display_name, photo_path(user))


@get("/v1/users/lookup", opt=signed_in("account:read"), tags=["users"])
async def look_up_person(text: Query, deps: TheDeps) -> PeopleAnswer:
    """Find the person behind a name or an address.

    Only a whole user name, whatever its case, or a whole address that its owner has proved: beginnings find nobody, and the
    answer never holds an address.
    """
    if not 1 <= len(text) <= LONGEST_QUERY or "\x00" in text:
        raise refused("q", "length", f"Give 1 to {LONGEST_QUERY} characters.")
    found = await person_known_as(deps, text)
    return PeopleAnswer([person_answer(found)] if found else [])


ROUTES = (look_up_person,)
