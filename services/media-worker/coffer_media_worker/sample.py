"""What is known of a file whose middle was never read: its first bytes, its last bytes, its size. No judgement here."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Sample:
    """Head and tail of one file; `whole` when the two together hold all of it."""

    head: bytes
    tail: bytes
    size_bytes: int

    @cached_property
    def whole(self) -> bytes | None:
        """Every byte of the file in order, or None when the middle is missing."""
        if len(self.head) >= self.size_bytes:
            return self.head[: self.size_bytes]
        missing = self.size_bytes - len(self.head)
        return self.head + self.tail[-missing:] if len(self.tail) >= missing else None

    @cached_property
    def ending(self) -> bytes:
        """The last bytes of the file, as many as are known."""
        return self.whole if self.whole is not None else self.tail

    @property
    def ending_offset(self) -> int:
        """Where in the file `ending` begins."""
        return self.size_bytes - len(self.ending)

    def at(self, offset: int, length: int) -> bytes:
        """The known bytes of this range; shorter, or empty, where the file ends or was not read."""
        if offset < 0 or offset >= self.size_bytes:
            return b""
        if offset < len(self.head):
            source = self.head if self.whole is None else self.whole
            return source[offset : offset + length]
        start = offset - self.ending_offset
        return self.ending[start : start + length] if start >= 0 else b""
