"""Second factors: what one is, how often codes may be guessed, and how long a sign-in waits for one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coffer_contracts.ids import UserId

STEP_SECONDS = 30
"""RFC 6238 section 5.2."""
STEPS_ASIDE = 1
"""Codes of so many steps before and after the present one are taken: clocks differ, and people type slowly."""
CODES = 10
"""Recovery codes that are made at once."""
SETUP_LIFE = timedelta(hours=1)
"""How long a secret waits for its first code."""

CHALLENGE_LIFE = timedelta(minutes=5)
CHALLENGE_TRIES = 5
"""Wrong codes that one sign-in may show before it has to begin with the password again."""

FREE_TRIES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
"""Wrong codes in a row that cost nothing, and the waits after them, each twice the one before.

Three codes of a million are right at any moment, so who has the password and guesses all the time is right within 24 tries a
day once in 38 years, on average. Recovery codes and sessions that are signed in already do not wait, so the person can always
act.
"""


@dataclass(frozen=True, slots=True)
class Factor:
    """The second factor of an account as it stands, locked by whoever reads it to change it."""

    user_id: UserId
    sealed_secret: bytes | None
    begun_at: datetime | None
    confirmed_at: datetime | None
    last_step: int
    """The newest step whose code was taken: neither it nor an older one is taken again."""
    failures: int
    refused_until: datetime | None
    revision: int

    @property
    def on(self) -> bool:
        """Whether it is demanded."""
        return self.confirmed_at is not None

    def waits_for_its_first_code(self, now: datetime) -> bool:
        """Whether somebody has begun to set it up and may still confirm it."""
        return not self.on and self.begun_at is not None and now < self.begun_at + SETUP_LIFE


@dataclass(frozen=True, slots=True)
class Challenge:
    """A sign-in that has shown the password, or an issuer's word, and still owes a code."""

    user_id: UserId
    device_name: str | None
    network: str | None
    tries: int
    expires_at: datetime
    password_shown: bool
    """Whether it was the password."""

    def open_to(self, network: str | None, now: datetime) -> bool:
        """Whether a caller from there may carry it on."""
        return now < self.expires_at and self.tries < CHALLENGE_TRIES and network == self.network


def step_of(now: datetime) -> int:
    """The number of the present step (RFC 6238 section 4.2)."""
    return int(now.timestamp()) // STEP_SECONDS


def steps_taken(last_step: int, now: datetime) -> list[int]:
    """The steps whose codes are taken now, given the newest that was used."""
    present = step_of(now)
    return [step for step in range(present - STEPS_ASIDE, present + STEPS_ASIDE + 1) if step > last_step]


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many wrong codes in a row."""
    if failures < FREE_TRIES:
        return timedelta()
    return min(FIRST_WAIT * (1 << min(failures - FREE_TRIES, 16)), LONGEST_WAIT)
