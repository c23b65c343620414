"""How much memory a decode takes, and whether that much is to be had. Runs in a child, never in the worker."""

import mmap


def coefficient_bytes(size: tuple[int, int]) -> int:
    """What a JPEG of this size needs at most while all its coefficients are held: two bytes for each of three colours."""
    return size[0] * size[1] * 6


def to_be_had(length: int) -> bool:
    """Whether so much could be allocated; none of it is touched."""
    try:
        mmap.mmap(-1, length or 1, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, MemoryError):
        return False
    return True
