"""What people do with uploads they have begun: look, report the bytes, resolve a conflict, try again, give up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from coffer_chassis.blobs import BlobHead
from coffer_chassis.idempotency import Claim, once
from coffer_chassis.identity import Principal
from coffer_chassis.origin import Origin
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.files import ConflictPolicy, UploadState
from coffer_contracts.ids import UploadId, UserId
from coffer_contracts.problems import (
    Forbidden,
    NotFound,
    Problem,
    StateConflict,
)
from coffer_files.domain import uploads as rules
from coffer_files.domain.names import accept_name, name_key
from coffer_files.domain.parts import NamedPart, check_named
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.assembling import bytes_of
from coffer_files.handlers.committing import Obstacle, place_upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.items import hold_folder
from coffer_files.handlers.naming import described
from coffer_files.handlers.parts import keep_open
from coffer_files.handlers.receiving import go_on, receive_upload, write_down
from coffer_files.handlers.refusing import refusal_of
from coffer_files.handlers.sight import Seen, seen_by
from coffer_files.handlers.visitors import is_shown_to, require_link
from coffer_files.store import items as item_rows
from coffer_files.store import uploads as rows
from coffer_files.store.drives import lock_drive


async def find_upload(deps: Deps, principal: Principal, upload_id: UploadId) -> Upload:
    """The upload as it stands. Its uploader, of a public link one session while the link holds, and the owner of the drive may
    see it; raises NotFound to all others.
    """
    async with deps.work.read() as connection:
        upload = await rows.upload_by_id(connection, upload_id)
        if upload is None or not is_shown_to(principal, upload):
            raise NotFound
        await require_link(connection, deps, principal)
    return upload


async def list_everybodys(
    deps: Deps, *, user_id: UserId | None, states: Sequence[UploadState], limit: int, before: UploadId | None
) -> list[Upload]:
    """A page of everybody's uploads for operators, newest first; of one person, those they send and those into their drive."""
    async with deps.work.read() as connection:
        if user_id is None:
            return await rows.uploads_of_all(connection, states=states, limit=limit, before=before)
        return await rows.uploads_of(connection, user_id, states=states, limit=limit, before=before)


async def list_uploads(
    deps: Deps, principal: Principal, *, states: Sequence[UploadState], limit: int, before: UploadId | None
) -> list[Upload]:
    """A page of the caller's uploads and of those that others send into their drive, newest first; for a visitor of a public
    link those of the session. Raises NotFound to a visitor whose link takes no files any more.
    """
    session_id = principal.session_id if principal.kind == "link" else None
    async with deps.work.read() as connection:
        await require_link(connection, deps, principal)
        return await rows.uploads_of(
            connection, principal.user_id, states=states, limit=limit, before=before, session_id=session_id
        )


async def complete_upload(deps: Deps, principal: Principal, origin: Origin, upload_id: UploadId) -> Upload:
    """The client says that the bytes are there. See complete_once."""
    return (await complete_once(deps, principal, origin, None, upload_id))[0]


async def complete_once(
    deps: Deps,
    principal: Principal,
    origin: Origin,
    claim: Claim | None,
    upload_id: UploadId,
    *,
    named: Sequence[NamedPart] | None = None,
) -> tuple[Upload, bool]:
    """The client says that the bytes are there; the bucket is asked, and puts parts together. How the upload stands then, and
    whether the request is a replay. May run any number of times and at once.

    Raises NotFound, ValidationFailed, UploadIncomplete, SizeMismatch, ChecksumMismatch; then the upload waits on.
    """
    upload = await find_upload(deps, principal, upload_id)
    check_named(upload, named or ())
    head: BlobHead | None = None
    if upload.state == "created":
        try:
            head = await bytes_of(deps, upload, named)
        except Problem:
            await keep_open(deps, upload, deps.work.clock.now())
            raise
    if head is None and claim is None:
        return (upload if upload.state != "created" else await find_upload(deps, principal, upload_id)), False
    after: Upload | None = None

    async def run(unit: Unit) -> dict[str, Any]:
        nonlocal after
        if head is not None:
            after = await receive_upload(
                unit, deps, upload.owner_id, upload.id, etag=head.etag, size_bytes=head.size_bytes, sha256=head.sha256
            )
        return {}

    _, replayed = await once(deps.work, origin, claim, run)
    return after or await find_upload(deps, principal, upload_id), replayed


async def retry_upload(deps: Deps, principal: Principal, origin: Origin, upload_id: UploadId) -> Upload:
    """Have a failed upload checked again. May run twice. Raises NotFound, UploadIncomplete, SizeMismatch, ChecksumMismatch,
    StateConflict, and RateLimited when that was done too often.
    """
    upload = await find_upload(deps, principal, upload_id)
    if upload.state != "failed":
        return rules.retry(upload, upload.etag or "", upload.size_bytes, deps.work.clock.now())
    head = await bytes_of(deps, upload)
    async with deps.work.unit(origin) as unit:
        drive = await lock_drive(unit.connection, upload.owner_id)
        current = await rows.lock_upload(unit.connection, upload.id)
        if drive is None or current is None:
            raise NotFound
        if head is None:
            return current
        after = rules.retry(current, head.etag, head.size_bytes, unit.now, sha256=head.sha256)
        return await go_on(unit, deps, drive, current, after)


async def abort_upload(deps: Deps, principal: Principal, origin: Origin, upload_id: UploadId) -> Upload:
    """Give an upload up. May run twice. Raises NotFound, StateConflict while it is checked and once it has ended."""
    upload = await find_upload(deps, principal, upload_id)
    async with deps.work.unit(origin) as unit:
        await lock_drive(unit.connection, upload.owner_id)
        current = await rows.lock_upload(unit.connection, upload_id)
        if current is None:
            raise NotFound
        after = rules.abort(current, unit.now)
        if after is not current:
            await write_down(unit, current, after)
        return after


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a conflict is to be resolved; None leaves it as it is."""

    name: str | None = None
    parent: str | None = None
    conflict: ConflictPolicy | None = None


async def resolve_upload(deps: Deps, principal: Principal, origin: Origin, upload_id: UploadId, wish: Resolution) -> Upload:
    """Commit an upload that is in conflict under another name, into another folder or with another policy. An upload
    that is committed already is answered as it is, so it may run twice.

    Raises NotFound, Forbidden, NameInvalid, NameConflict, KindConflict, PreconditionFailed, QuotaExceeded, StateConflict;
    then nothing has changed.
    """
    upload = await find_upload(deps, principal, upload_id)
    if principal.kind == "link" and (wish.parent is not None or wish.conflict not in {None, "rename"}):
        raise Forbidden("Through a public link only another name can be given.")
    name = accept_name(wish.name) if wish.name is not None else None
    async with deps.work.unit(origin) as unit:
        drive = await lock_drive(unit.connection, upload.owner_id)
        current = await rows.lock_upload(unit.connection, upload_id)
        if current is None or drive is None:
            raise NotFound
        if current.state == "committed":
            return current
        if current.state != "conflict":
            raise StateConflict("There is no conflict to resolve.", state=current.state)
        wanted = replace(current, name=name or current.name, conflict=wish.conflict or current.conflict)
        if wish.parent is not None:
            folder = await hold_folder(unit, deps, principal, wish.parent)
            if folder.at.item.owner_id != current.owner_id:
                raise StateConflict("The bytes lie in another drive.", state=current.state)
            wanted = replace(wanted, parent_id=folder.at.item.id)
        if wish.parent is not None or name is not None:
            wanted = replace(wanted, target_id=None)
        # Whoever decides anew has seen what is there now.
        wanted = replace(wanted, base_version_id=None if wish != Resolution() else current.base_version_id)
        placed = await place_upload(unit, drive, wanted, decides=principal.grantee)
        if isinstance(placed, Obstacle):
            raise refusal_of(placed, current, drive if drive.owner_id == principal.user_id else None)
        kept = placed
        if principal.user_id != current.uploader_id:
            # What the owner made of it is not the uploader's to see: their upload goes on naming what they asked for.
            kept = replace(placed, parent_id=current.parent_id, name=current.name, target_id=current.target_id)
        await write_down(unit, current, kept)
        return placed


async def committed_item(deps: Deps, principal: Principal, upload: Upload) -> Seen | None:
    """The file that an upload became, if it did and the caller may still see it."""
    if upload.item_id is None:
        return None
    async with deps.work.read() as connection:
        found = await item_rows.locate(connection, upload.item_id, principal.grantee)
    return seen_by(found, principal.grantee, deps.work.clock.now()) if found else None


async def in_the_way(deps: Deps, principal: Principal, upload: Upload) -> dict[str, str] | None:
    """What a refusal tells of the item that holds the name of an upload in conflict; None for whoever may not see the folder,
    and once the name is free.
    """
    async with deps.work.read() as connection:
        folder = await item_rows.locate(connection, upload.parent_id, principal.grantee)
        if folder is None or seen_by(folder, principal.grantee, deps.work.clock.now()) is None:
            return None
        return described(await item_rows.child_named(connection, upload.parent_id, name_key(upload.name)))
