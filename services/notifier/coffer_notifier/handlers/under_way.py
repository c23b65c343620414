"""What one process has under way to webhooks, and what room that leaves. Pure: moments are given, by any clock that only rises.

A place is for who answers or has just begun. Who has not answered after SLOW_AFTER_SECONDS gives theirs back and is only
waited for: that costs a socket, and there is room for many. Once an answer is there it counts again until it is written down: a
slow store is not given more and more to do.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from coffer_contracts.ids import UserId
from coffer_notifier.domain.webhooks import SLOW_AFTER_SECONDS, SLOW_FOR_EACH_PLACE, Standing, Webhook


@dataclass(eq=False, slots=True)
class Attempting:
    """A request that is under way."""

    webhook: Webhook
    began: float
    is_answered: bool = False

    def answered(self) -> None:
        """It is known how it went; that is yet to be written down."""
        self.is_answered = True

    def is_slow(self, now: float) -> bool:
        """Whether it is only waited for."""
        return not self.is_answered and now - self.began >= SLOW_AFTER_SECONDS


class UnderWay:
    """The requests of one process. Used on the event loop only."""

    def __init__(self, places: Mapping[Standing, int]) -> None:
        self._places = places
        self._attempts: set[Attempting] = set()

    def begin(self, webhook: Webhook, now: float) -> Attempting:
        """One more."""
        attempt = Attempting(webhook, now)
        self._attempts.add(attempt)
        return attempt

    def end(self, attempt: Attempting) -> None:
        """It is over, and written down."""
        self._attempts.discard(attempt)

    def free(self, now: float) -> dict[Standing, int]:
        """How many may begin, by the standing of their webhooks; below zero where more were answered than have places."""
        running = Counter(one.webhook.standing for one in self._attempts)
        slow = Counter(one.webhook.standing for one in self._attempts if one.is_slow(now))
        return {
            standing: places - running[standing] + min(slow[standing], places * SLOW_FOR_EACH_PLACE)
            for standing, places in self._places.items()
        }

    def people(self) -> Counter[tuple[Standing, UserId]]:
        """How much is under way to the webhooks of a person, by standing: what somebody's new ones do delays not even their own
        proven ones.
        """
        return Counter((one.webhook.standing, one.webhook.user_id) for one in self._attempts)

    def next_slow(self, now: float) -> float | None:
        """After how many seconds the next gives its place back."""
        waits = [one.began + SLOW_AFTER_SECONDS - now for one in self._attempts if not one.is_answered]
        return min((wait for wait in waits if wait > 0), default=None)
