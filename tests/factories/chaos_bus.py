"""A bus that does by seed what AWS may do on a bad day, around any real one: what it promises is kept, and no more.

Nothing is lost for good and nothing is invented: messages come twice, late, in another order, and again after they were
deleted; calls fail before they did anything, after they did it, and for some of their entries.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

from coffer_chassis.bus import Bus, Depth, Incoming, Outgoing
from factories.chaos_fates import Fates

CHANCES: Mapping[str, float] = {"fails": 0.04, "answer lost": 0.04, "late": 0.1}
"""Of a call as a whole."""

LATE_SECONDS = 0.15
HELD_BACK_SECONDS = 0.6
DUPLICATES = 0.1
ENTRIES_FAIL = 0.05
HELD_BACK = 0.12
DELETES_FORGOTTEN = 0.1
POSTPONED = 0.08
SHOWN_TWICE = 0.05


class Broken(ConnectionError):
    """The call failed, as the plan has it."""


class ChaosBus:
    """See Bus. `names` turns the names that services use into those of the bus inside; `calm` ends the chaos."""

    def __init__(
        self,
        inner: Bus,
        seed: int,
        *,
        part: str = "bus",
        names: Callable[[str], str] = str,
        longest_hidden_seconds: int | None = None,
        chances: Mapping[str, float] = CHANCES,
    ) -> None:
        """`longest_hidden_seconds` caps how long a message may be put off, for tests that cannot wait for minutes."""
        self._inner = inner
        self._names = names
        self._longest = longest_hidden_seconds
        self.fates = Fates(seed, part, chances)
        self._held_back: set[asyncio.Task[None]] = set()

    def calm(self) -> None:
        """From now on every call does what it says."""
        self.fates.is_calm = True

    def begin(self, seed: int) -> None:
        """Chaos by this seed from now on."""
        self.fates = self.fates.under(seed)

    async def publish(self, topic: str, messages: Sequence[Outgoing]) -> frozenset[str]:
        """See Bus."""
        kind = f"publish {topic}"
        fate, dice = await self._begin(kind)
        refused, sent = self.fates.some("entry fails", messages, ENTRIES_FAIL, dice)
        told_wrong, _ = self.fates.some("entry told as failed", sent, ENTRIES_FAIL, dice)
        twice, _ = self.fates.some("duplicate", sent, DUPLICATES, dice)
        later, now = self.fates.some("held back", sent, HELD_BACK, dice)
        if not self.fates.is_calm:
            dice.shuffle(now)
        failed = await self._inner.publish(self._names(topic), now) if now else frozenset()
        for message in (*later, *twice):
            self._soon(self._names(topic), message, dice.uniform(0, HELD_BACK_SECONDS))
        await self._end(fate, dice)
        return failed | {message.id for message in (*refused, *told_wrong)}

    async def receive(self, queue: str, *, limit: int, wait_seconds: int) -> list[Incoming]:
        """See Bus."""
        fate, dice = await self._begin(f"receive {queue}")
        messages = await self._inner.receive(self._names(queue), limit=limit, wait_seconds=wait_seconds)
        if not messages or self.fates.is_calm:
            return messages
        postponed, shown = self.fates.some("postponed", messages, POSTPONED, dice)
        await self._hide(queue, {message.receipt: dice.randint(0, 1) for message in postponed})
        twice, _ = self.fates.some("shown twice", shown, SHOWN_TWICE, dice)
        await self._hide(queue, {message.receipt: 0 for message in twice})
        await self._end(fate, dice)
        dice.shuffle(shown)
        return shown

    async def delete(self, queue: str, receipts: Sequence[str]) -> int:
        """See Bus."""
        fate, dice = await self._begin(f"delete {queue}")
        forgotten, deleted = self.fates.some("delete forgotten", receipts, DELETES_FORGOTTEN, dice)
        gone = await self._inner.delete(self._names(queue), deleted)
        await self._hide(queue, {receipt: dice.randint(0, 1) for receipt in forgotten})
        await self._end(fate, dice)
        return gone

    async def set_visibility(self, queue: str, seconds_by_receipt: Mapping[str, int]) -> int:
        """See Bus."""
        fate, dice = await self._begin(f"set_visibility {queue}")
        capped = self._capped(seconds_by_receipt, dice)
        gone = await self._inner.set_visibility(self._names(queue), capped)
        await self._end(fate, dice)
        return gone

    async def send(self, queue: str, body: str, attributes: Mapping[str, str], *, delay_seconds: int = 0) -> None:
        """See Bus."""
        fate, dice = await self._begin(f"send {queue}")
        delay = delay_seconds if self._longest is None else min(delay_seconds, self._longest)
        await self._inner.send(self._names(queue), body, attributes, delay_seconds=delay)
        await self._end(fate, dice)

    async def depth(self, queue: str) -> Depth:
        """See Bus."""
        return await self._inner.depth(self._names(queue))

    async def settled(self) -> None:
        """Wait until everything that was held back has been sent."""
        while self._held_back:
            await asyncio.wait(self._held_back)

    async def _begin(self, kind: str) -> tuple[str, random.Random]:
        if self.fates.is_calm:
            return "", random.Random(0)
        dice = self.fates.dice(kind)
        fate = self.fates.draw(kind, dice)
        if fate == "fails":
            raise Broken(kind)
        return fate, dice

    async def _end(self, fate: str, dice: random.Random) -> None:
        if fate == "late":
            await asyncio.sleep(dice.uniform(0, LATE_SECONDS))
        if fate == "answer lost":
            raise Broken("it was done, and nobody was told")

    def _soon(self, topic: str, message: Outgoing, seconds: float) -> None:
        async def send() -> None:
            await asyncio.sleep(seconds)
            while True:
                # What the relay was told is sent must arrive, whatever else is broken.
                try:
                    if not await self._inner.publish(topic, [message]):
                        return
                except Exception:  # noqa: BLE001  # the broker may be away, too
                    await asyncio.sleep(LATE_SECONDS)

        task = asyncio.create_task(send())
        self._held_back.add(task)
        task.add_done_callback(self._held_back.discard)

    async def _hide(self, queue: str, seconds_by_receipt: Mapping[str, int]) -> None:
        if seconds_by_receipt:
            await self._inner.set_visibility(self._names(queue), seconds_by_receipt)

    def _capped(self, seconds_by_receipt: Mapping[str, int], dice: random.Random) -> Mapping[str, int]:
        longest = self._longest
        if longest is None:
            return seconds_by_receipt
        return {
            receipt: seconds if seconds <= longest else dice.randint(0, longest)
            for receipt, seconds in seconds_by_receipt.items()
        }
