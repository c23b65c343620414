"""How full a drive is, over HTTP."""

import msgspec
from litestar import Response, get

from coffer_chassis.access_rules import user
from coffer_chassis.requests import TheOrigin, ThePrincipal
from coffer_contracts.files import MediaKind
from coffer_files.handlers.usage import usage
from coffer_files.routes.requests import READ, TheDeps


class HeldAnswer(msgspec.Struct, frozen=True):
    """Bytes, and in how many files."""

    bytes: int
    files: int


class OlderAnswer(msgspec.Struct, frozen=True):
    """Bytes of versions that are not current, and how many there are."""

    bytes: int
    count: int


class TrashHeldAnswer(msgspec.Struct, frozen=True):
    """What of all lies in the trash, older versions with it. While `settled` is false it is still being counted: it is at least
    so much.
    """

    bytes: int
    files: int
    settled: bool


class UsageAnswer(msgspec.Struct, frozen=True):
    """Bytes: taken by versions, set aside for open uploads, and allowed together. `by_type` holds what files hold now, also
    those in the trash; with `versions` it adds up to `used`.
    """

    used: int
    reserved: int
    limit: int
    file_count: int
    by_type: dict[MediaKind, HeldAnswer]
    versions: OlderAnswer
    trash: TrashHeldAnswer


@get("/v1/usage", opt=user(READ), operation_id="get_usage", tags=["usage"], summary="See how much room is left")
async def get_usage(principal: ThePrincipal, origin: TheOrigin, deps: TheDeps) -> Response[UsageAnswer]:
    """How much of the caller's drive is used, and by what."""
    found = await usage(deps, principal, origin)
    by_type = {kind: HeldAnswer(held.size_bytes, held.number) for kind, held in found.by_kind.items()}
    answer = UsageAnswer(
        found.used_bytes,
        found.reserved_bytes,
        found.quota_bytes,
        sum(held.number for held in found.by_kind.values()),
        by_type,
        OlderAnswer(found.older.size_bytes, found.older.number),
        TrashHeldAnswer(found.trash.size_bytes, found.trash.number, found.trash_is_settled),
    )
    return Response(answer)


ROUTES = (get_usage,)
