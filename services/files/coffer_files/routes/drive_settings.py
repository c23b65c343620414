"""Settings of a drive over HTTP, at its root folder."""

import msgspec
from litestar import Response, get, put
from litestar.params import JSONBody
from pydantic import Field

from coffer_chassis.access_rules import user
from coffer_chassis.answers import Body
from coffer_chassis.openapi import documented
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.problems import LimitReached, StateConflict
from coffer_files.handlers.drive_settings import change_settings, drive_settings
from coffer_files.routes.requests import READ, WRITE, InPath, TheDeps, item_ref
from coffer_files.store.drives import Drive


class DriveSettingsBody(Body):
    """All settings of a drive."""

    keep_locations: bool = Field(
        description="Whether Coffer reads out of pictures where they were taken, and tells you. False unless you say so.",
        examples=[True],
    )


class DriveSettingsAnswer(msgspec.Struct, frozen=True):
    """What its owner decided about a drive."""

    keep_locations: bool


@get(
    "/v1/items/{item:str}/settings",
    opt=user(READ) | documented(raises=[StateConflict]),
    operation_id="get_drive_settings",
    tags=["items"],
    summary="See the settings of a drive",
)
async def get_settings(
    item: InPath, principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[DriveSettingsAnswer]:
    """Of the caller's own drive: the item is `root` or the id of its root folder. 409 for any other item."""
    return Response(_answer(await drive_settings(deps, principal, origin, item_ref(item))))


@put(
    "/v1/items/{item:str}/settings",
    opt=user(WRITE) | documented(raises=[StateConflict, LimitReached]),
    operation_id="set_drive_settings",
    tags=["items"],
    summary="Change the settings of a drive",
)
async def put_settings(
    item: InPath, data: JSONBody[DriveSettingsBody], principal: ThePrincipal, origin: TheOrigin, deps: TheDeps
) -> Response[DriveSettingsAnswer]:
    """With `keep_locations` the owner is told where pictures were taken that come from now on; of older ones when their preview
    is made anew. Nobody else is ever told, and preview pictures hold nothing of it. Without, nobody is told any more from now
    on, and what is known is deleted in the background.
    """
    changed = await change_settings(deps, principal, origin, item_ref(item), keep_locations=data.keep_locations)
    return Response(_answer(changed))


def _answer(drive: Drive) -> DriveSettingsAnswer:
    return DriveSettingsAnswer(drive.keep_locations)


ROUTES = (get_settings, put_settings)
"""Both stand under the root folder, which is the drive to its owner."""
