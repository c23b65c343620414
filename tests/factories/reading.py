"""A file of which a job reads some, in one process, and what it asked for."""

from coffer_media_worker.ranged import OverBudgetError, Ranged


class Read(Ranged):
    """Fetches from memory and remembers what was asked for: `asked` are first and last bytes."""

    def __init__(self, content: bytes, *, whole: bool = False, budget: int | None = None) -> None:
        self.asked: list[tuple[int, int]] = []
        left = len(content) if budget is None else budget

        def fetch(first: int, last: int) -> bytes:
            nonlocal left
            assert 0 <= first <= last < len(content)
            left -= last - first + 1
            if left < 0:
                raise OverBudgetError("it would read more than it may")
            self.asked.append((first, last))
            return content[first : last + 1]

        super().__init__(len(content), fetch, [(0, content)] if whole else [])

    @property
    def asked_bytes(self) -> int:
        """How much was fetched."""
        return sum(last - first + 1 for first, last in self.asked)
