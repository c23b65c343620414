"""What a client asks for while it sends an upload in parts."""

from collections.abc import Sequence

from coffer_chassis.identity import Principal
from coffer_contracts.ids import UploadId
from coffer_contracts.problems import Forbidden, StateConflict, UploadExpired, ValidationFailed
from coffer_files.domain import parts as rules
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.parts import SignedPart, Standing, collect_parts, keep_open, parts_of, sign_missing, sign_some
from coffer_files.handlers.uploads import find_upload

WRITE = "files:write"
PARTS_AT_ONCE = 100
"""Signed for one request."""


def may_send(principal: Principal, upload: Upload) -> bool:
    """Whether the caller is given the requests that send the bytes: its uploader, but by a token only one that may write."""
    return principal.user_id == upload.uploader_id and (principal.kind == "user" or WRITE in principal.scopes)


async def look_at_upload(
    deps: Deps, principal: Principal, upload_id: UploadId
) -> tuple[Upload, Standing | None, list[SignedPart]]:
    """An upload as it stands; of one that waits for parts also which are there, and for who may send them addresses of the
    first that are not. Raises NotFound.
    """
    upload = await find_upload(deps, principal, upload_id)
    standing = await parts_of(deps, upload)
    if standing is None:
        return upload, None, []
    if not standing.done:
        # The bucket may have lost them, or is just putting them together.
        upload = await find_upload(deps, principal, upload_id)
    if not may_send(principal, upload):
        return upload, standing, []
    # Whoever follows `missing` until nothing is left must get on also when the bucket has lost what was there.
    upload = await collect_parts(deps, upload)
    return upload, standing, await sign_missing(deps, upload, standing.missing)


async def sign_parts(
    deps: Deps, principal: Principal, upload_id: UploadId, numbers: Sequence[int], sha256: Sequence[str] | None
) -> tuple[Upload, list[SignedPart]]:
    """Addresses for some parts, in the order asked for; with them the upload is kept open longer. May run any number of
    times. The bucket is asked only if it has lost what was there.

    Raises NotFound, Forbidden, UploadExpired, StateConflict, ChecksumMismatch, and ValidationFailed for parts that the upload
    does not have and digests that it cannot take, or needs.
    """
    upload = await find_upload(deps, principal, upload_id)
    if principal.user_id != upload.uploader_id:
        raise Forbidden("Only its uploader sends the bytes of an upload.")
    if upload.state in {"expired", "aborted"}:
        raise UploadExpired(upload.detail or "The upload has ended.", state=upload.state)
    if upload.state != "created":
        raise StateConflict("Its bytes have arrived.", state=upload.state)
    if upload.strategy != "multipart":
        raise StateConflict("This upload does not come in parts.", state=upload.state)
    for number in numbers:
        rules.check_number(upload, number)
    digests = _digests_given(upload, numbers, sha256)
    upload = await collect_parts(deps, await keep_open(deps, upload, deps.work.clock.now()))
    return upload, await sign_some(deps, upload, numbers, digests)


def _digests_given(upload: Upload, numbers: Sequence[int], sha256: Sequence[str] | None) -> dict[int, str]:
    if sha256 is None:
        return {}
    if not upload.parts_hashed:
        raise ValidationFailed("This upload was begun without checksums; the bucket takes none now.")
    if len(sha256) != len(numbers):
        raise ValidationFailed(f"{len(numbers)} parts and {len(sha256)} checksums.")
    return dict(zip(numbers, sha256, strict=True))
