"""What chance has in store, by seed: the same seed gives the same plan of faults, call by call, however long each takes.

Every kind of call has a sequence of fates of its own, so what one part does cannot shift what another meets.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

PASS = "pass"
"""The fate of most: nothing happens."""

T = TypeVar("T")


class Fates:
    """The fates of one part of the system under one seed. Asked from one event loop only."""

    def __init__(self, seed: int, part: str, chances: Mapping[str, float]) -> None:
        """`chances` says how likely each fate is; together at most 1, and the rest passes."""
        if sum(chances.values()) > 1:
            raise ValueError(f"the chances of {part} add up to more than 1")
        self._seed = seed
        self._part = part
        self._chances = dict(chances)
        self._asked: Counter[str] = Counter()
        self.is_calm = False
        self.met: Counter[str] = Counter()
        """How often each fate but PASS was met, by its name."""

    def under(self, seed: int) -> "Fates":
        """The same chances under another seed, from the beginning."""
        return Fates(seed, self._part, self._chances)

    def dice(self, kind: str) -> random.Random:
        """Dice for the next call of this kind; calm calls use up none."""
        number = self._asked[kind]
        self._asked[kind] += 1
        return random.Random(f"{self._seed}/{self._part}/{kind}/{number}")

    def draw(self, kind: str, dice: random.Random | None = None) -> str:
        """The fate of the next call of this kind."""
        if self.is_calm:
            return PASS
        left = (dice or self.dice(kind)).random()
        for fate, chance in self._chances.items():
            left -= chance
            if left < 0:
                self.met[fate] += 1
                return fate
        return PASS

    def some(self, fate: str, things: Sequence[T], share: float, dice: random.Random) -> tuple[list[T], list[T]]:
        """Those that meet this fate, each with this likelihood, and the others."""
        if self.is_calm:
            return [], list(things)
        struck = [dice.random() < share for _ in things]
        self.met[fate] += sum(struck)
        chosen = [thing for thing, is_struck in zip(things, struck, strict=True) if is_struck]
        return chosen, [thing for thing, is_struck in zip(things, struck, strict=True) if not is_struck]
