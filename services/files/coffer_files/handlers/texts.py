"""Texts of files: read from the bucket when the media worker has written one, taken apart, and kept by stored object."""

import asyncio

import structlog

from coffer_chassis.blobs import BlobMissing
from coffer_chassis.handling import HandlerTable, Handles, Reject, Retry, handler_table
from coffer_contracts.event import Envelope
from coffer_contracts.ids import BlobId
from coffer_contracts.media import PreviewOmittedV1, PreviewReadyV1
from coffer_files.domain.searching import lexemes
from coffer_files.handlers.deps import Deps
from coffer_files.store import texts as rows
from coffer_files.store.texts import TextRow
from coffer_files.store.versions import is_stored

TEXT_QUEUE = "files-texts"

MOST_BYTES = 1024 * 1024
"""How much of a text can be found."""

BEGINNING = 64_000
"""Characters that are kept for excerpts."""

LATER_SECONDS = 5

log = structlog.get_logger(__name__)


def text_key(blob_id: BlobId) -> str:
    """Where the media worker puts the text of an object."""
    return f"previews/{blob_id}/text"


async def on_text_ready(event: Envelope[PreviewReadyV1] | Envelope[PreviewOmittedV1], deps: Deps) -> None:
    """Have the text of an object found. Copies and versions that share the object share its text. May run twice: the text
    of an object never changes.
    """
    fact = event.data
    if fact.text is None:
        return
    if fact.text.key != text_key(fact.blob_id):
        raise Reject(f"{fact.text.key!r} is not where the text of {fact.blob_id} is kept")
    try:
        row = await read_text(deps, fact.blob_id)
    except BlobMissing as error:
        async with deps.work.read() as connection:
            stored = await is_stored(connection, fact.blob_id)
        if stored:
            raise Retry(f"there is no text of {fact.blob_id} yet", after_seconds=LATER_SECONDS, doubling=True) from error
        return  # purged meanwhile
    async with deps.work.unit(cause=event, consumer=TEXT_QUEUE) as unit:
        if not await rows.insert_text(unit.connection, row, unit.now):
            log.info("text_of_nothing", blob_id=fact.blob_id)


async def read_text(deps: Deps, blob_id: BlobId) -> TextRow:
    """The text of an object as the index takes it; up to MOST_BYTES, what is no UTF-8 replaced. Raises BlobMissing."""
    key = text_key(blob_id)
    content = await deps.blobs.read_range(key, 0, MOST_BYTES - 1)
    return await asyncio.to_thread(_taken_apart, blob_id, key, content)


def _taken_apart(blob_id: BlobId, key: str, content: bytes) -> TextRow:
    # PostgreSQL stores no NUL.
    text = content.decode("utf-8", "replace").replace("\x00", " ")
    return TextRow(blob_id, key, len(content), text[:BEGINNING], lexemes(text))


TEXTS: HandlerTable = handler_table(
    [Handles(PreviewReadyV1, on_text_ready, slow=True), Handles(PreviewOmittedV1, on_text_ready, slow=True)]
)
