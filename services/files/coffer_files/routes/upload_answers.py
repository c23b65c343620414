"""How uploads look on the wire."""

from collections.abc import Sequence

import msgspec

from coffer_chassis.answers import Timestamp, timestamp
from coffer_contracts.files import ConflictPolicy, UploadState
from coffer_files.domain.parts import part_count
from coffer_files.domain.upload_states import Strategy
from coffer_files.domain.uploads import Upload
from coffer_files.handlers import announcing
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.forms import sign_form
from coffer_files.handlers.parts import SignedPart, Standing
from coffer_files.routes.answers import ItemAnswer


class SignedAnswer(msgspec.Struct, frozen=True):
    """A request to the bucket. Every header must be sent exactly so, and no Authorization header."""

    method: str
    url: str
    headers: dict[str, str]


class FormAnswer(msgspec.Struct, frozen=True):
    """A form to the bucket: POST it as multipart/form-data, every field as it is, then the bytes as `file`."""

    url: str
    fields: dict[str, str]


class PartAnswer(msgspec.Struct, frozen=True):
    """A request that sends part `n`, from 1: PUT to the address with exactly these headers, before `expires_at`."""

    n: int
    url: str
    headers: dict[str, str]
    expires_at: Timestamp


class PartDoneAnswer(msgspec.Struct, frozen=True):
    """A part that is in the bucket."""

    n: int
    size: int
    etag: str


class PartsAnswer(msgspec.Struct, frozen=True):
    """Requests that send parts. `expires_at` is until when the upload waits for bytes."""

    parts: list[PartAnswer]
    expires_at: Timestamp | None


class UploadAnswer(msgspec.Struct, frozen=True):
    """An upload as it stands. `parent_id` is null for new content of a file; `item_id` then names that file from the start.

    With `multipart` the file is sent in `part_count` parts of `part_size` bytes each, the last one shorter. `parts_done` and
    `missing` are told by the upload's own address, as long as its bytes are not all there. `uploader_name` is what a visitor of
    a public link calls themselves.
    """

    id: str
    state: UploadState
    strategy: Strategy
    parent_id: str | None
    resolved_name: str
    size: int
    conflict: ConflictPolicy
    reason: str | None
    detail: str | None
    suggested_name: str | None
    item_id: str | None
    version_id: str | None
    part_size: int | None
    part_count: int
    created_at: Timestamp
    changed_at: Timestamp
    expires_at: Timestamp | None
    uploader_name: str | None
    parts_done: list[PartDoneAnswer] | msgspec.UnsetType = msgspec.UNSET
    missing: list[int] | msgspec.UnsetType = msgspec.UNSET
    single: SignedAnswer | msgspec.UnsetType = msgspec.UNSET
    form: FormAnswer | msgspec.UnsetType = msgspec.UNSET
    parts: list[PartAnswer] | msgspec.UnsetType = msgspec.UNSET
    item: ItemAnswer | msgspec.UnsetType = msgspec.UNSET


class UploadPage(msgspec.Struct, frozen=True):
    """Part of a listing; `next_cursor` is null at the end and nowhere else."""

    items: list[UploadAnswer]
    next_cursor: str | None


def upload_answer(
    deps: Deps,
    upload: Upload,
    *,
    sign: bool = False,
    item: ItemAnswer | msgspec.UnsetType = msgspec.UNSET,
    standing: Standing | None = None,
    parts: Sequence[SignedPart] = (),
) -> UploadAnswer:
    """An upload as it stands; with `sign` also the request that sends its bytes, while they are missing."""
    signed = announcing.sign_put(deps, upload) if sign else None
    form = sign_form(deps, upload) if sign else None
    return UploadAnswer(
        id=upload.id,
        state=upload.state,
        strategy=upload.strategy,
        parent_id=None if upload.target_id else upload.parent_id,
        resolved_name=upload.name,
        size=upload.size_bytes,
        conflict=upload.conflict,
        reason=upload.reason,
        detail=upload.detail,
        suggested_name=upload.suggested_name,
        item_id=upload.item_id or upload.target_id,
        version_id=upload.version_id,
        part_size=upload.part_bytes,
        part_count=part_count(upload.size_bytes, upload.part_bytes),
        created_at=timestamp(upload.created_at),
        changed_at=timestamp(upload.changed_at),
        expires_at=timestamp(upload.deadline_at) if upload.deadline_at else None,
        uploader_name=upload.uploader_name,
        parts_done=_done(standing) if standing else msgspec.UNSET,
        missing=standing.missing if standing else msgspec.UNSET,
        parts=[_part(part) for part in parts] or msgspec.UNSET,
        single=SignedAnswer(signed.method, signed.url, dict(signed.headers)) if signed else msgspec.UNSET,
        form=FormAnswer(form.url, dict(form.fields)) if form else msgspec.UNSET,
        item=item,
    )


def part_answers(upload: Upload, parts: Sequence[SignedPart]) -> PartsAnswer:
    """Addresses for parts."""
    return PartsAnswer([_part(part) for part in parts], timestamp(upload.deadline_at) if upload.deadline_at else None)


def _part(part: SignedPart) -> PartAnswer:
    return PartAnswer(part.number, part.request.url, dict(part.request.headers), timestamp(part.expires_at))


def _done(standing: Standing) -> list[PartDoneAnswer]:
    return [PartDoneAnswer(part.number, part.size_bytes, part.etag) for part in standing.done]
