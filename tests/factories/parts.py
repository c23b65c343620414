"""Files that are sent in parts: their bytes, and a client that sends some of them to the bucket in memory."""

import hashlib
from collections.abc import Iterable
from functools import cache

from coffer_files.domain.content import BLOCK_BYTES
from coffer_files.domain.parts import NamedPart, part_count
from coffer_files.domain.uploads import Upload
from factories.files import Files

SIZE = 2 * BLOCK_BYTES + 1000
"""Of a file in three parts, the last one short."""


@cache
def content(size: int = SIZE, seed: int = 0) -> bytes:
    """Bytes of which no part is like another."""
    piece = hashlib.sha256(str(seed).encode()).digest()
    blocks = [piece + number.to_bytes(4, "big") for number in range(-(-size // BLOCK_BYTES))]
    return b"".join((block * (BLOCK_BYTES // 36 + 1))[:BLOCK_BYTES] for block in blocks)[:size]


def part(number: int, whole: bytes | None = None) -> bytes:
    """The bytes of one part."""
    whole = content() if whole is None else whole
    return whole[(number - 1) * BLOCK_BYTES : number * BLOCK_BYTES]


def digest(some: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(some).hexdigest()


@cache
def digests(size: int = SIZE, seed: int = 0) -> tuple[str, ...]:
    """SHA-256 of every block of a file."""
    whole = content(size, seed)
    return tuple(digest(part(number, whole)) for number in range(1, part_count(size, BLOCK_BYTES) + 1))


def whole_hash(blocks: Iterable[str]) -> str:
    """What the content hash is by definition: SHA-256 over the concatenated SHA-256s of the blocks."""
    return digest(b"".join(bytes.fromhex(block) for block in blocks))


async def send_parts(files: Files, upload: Upload, *numbers: int, whole: bytes | None = None) -> list[NamedPart]:
    """The client sends some parts, or all; what it believes to have sent."""
    count = part_count(upload.size_bytes, upload.part_bytes)
    sent: list[NamedPart] = []
    for number in numbers or range(1, count + 1):
        some = part(number, whole)
        sha256 = digest(some) if upload.parts_hashed else None
        etag = await files.blobs.put_part(upload.blob_key, upload.multipart_id, number, some, sha256=sha256)
        sent.append(NamedPart(number, etag, sha256))
    return sent
