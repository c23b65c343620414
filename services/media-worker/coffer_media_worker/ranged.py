"""A file of which only some is read: what a job asks for is fetched by the worker, in blocks, further ahead when read on."""

import io
from bisect import bisect_right
from collections.abc import Callable, Sequence

Fetch = Callable[[int, int], bytes]
"""Bytes from the first to the last, both inclusive, as in a Range header."""

BLOCK = 256 * 1024
FURTHEST = 16
"""Blocks that are fetched at once after reading on for a while."""


class OverBudgetError(Exception):
    """The job asked for more bytes than it may have."""


class Ranged(io.RawIOBase):
    """Seekable, for reading only. Fetched bytes stay: a job's budget of bytes bounds them."""

    def __init__(self, size: int, fetch: Fetch, known: Sequence[tuple[int, bytes]] = (), block: int = BLOCK) -> None:
        super().__init__()
        self.size = size
        self._fetch = fetch
        self.block = block
        """How much is fetched at once for a jump; may be changed on the way."""
        self._starts = [start for start, content in sorted(known, key=_start) if content]
        self._pieces = [content for _, content in sorted(known, key=_start) if content]
        self._position = 0
        self._ahead = 1
        self._read_up_to = -1
        self.fetched_bytes = 0
        """What was not there from the beginning."""

    def whole(self) -> bytes:
        """All of it; not copied where it was all there from the beginning."""
        if len(self._pieces) == 1 and len(self._pieces[0]) == self.size:
            return self._pieces[0]
        self.seek(0)
        self._ahead = FURTHEST
        return self.read(self.size) or b""

    def known_whole(self) -> bytes | None:
        """All of it, if every byte has been fetched by now."""
        return self.whole() if sum(len(piece) for piece in self._pieces) == self.size else None

    def plainest(self) -> "io.BytesIO | Ranged":
        """The same to be read, by less work where all of it is here in one piece."""
        whole = len(self._pieces) == 1 and len(self._pieces[0]) == self.size
        return io.BytesIO(self._pieces[0]) if whole else self

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of files; a place behind the end reads nothing."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # narrower than any buffer
        """Fill the buffer, less only at the end of the file. Raises what `fetch` raises."""
        view = memoryview(buffer)
        end = min(self._position + len(view), self.size)
        written = 0
        while self._position < end:
            piece = self._piece_at(self._position, end)
            length = min(len(piece), end - self._position)
            view[written : written + length] = piece[:length]
            written += length
            self._position += length
        return written

    def _piece_at(self, position: int, end: int) -> memoryview:
        index = bisect_right(self._starts, position) - 1
        if index >= 0 and position < self._starts[index] + len(self._pieces[index]):
            return memoryview(self._pieces[index])[position - self._starts[index] :]
        first = position - position % self.block
        if index >= 0:
            first = max(first, self._starts[index] + len(self._pieces[index]))
        # Reading on fetches twice as much each time; a jump begins anew.
        self._ahead = min(self._ahead * 2, FURTHEST) if first == self._read_up_to else max(1, self._ahead // 2)
        wanted = max(first + self._ahead * self.block, end)
        last = min(wanted, self.size, self._starts[index + 1] if index + 1 < len(self._starts) else self.size) - 1
        content = self._fetch(first, last)
        self._starts.insert(index + 1, first)
        self._pieces.insert(index + 1, content)
        self._read_up_to = last + 1
        self.fetched_bytes += len(content)
        return memoryview(content)[position - first :]


def _start(known: tuple[int, bytes]) -> int:
    return known[0]
