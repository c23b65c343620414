"""Step-up: what a session must have shown, and how lately, before security settings change."""

from dataclasses import dataclass
from datetime import datetime, timedelta

PROOF_LIFE = timedelta(minutes=15)
PASSWORD = "password"  # noqa: S105  # the name of a method
CODE_METHODS = ("totp", "recovery_code")


@dataclass(frozen=True, slots=True)
class Proofs:
    """When a session last proved what, and whether its account has a second factor."""

    password_at: datetime | None
    code_at: datetime | None
    factor: bool

    @property
    def methods(self) -> list[str]:
        """What such a session can be asked for: the password, and one of the others if there are any."""
        return [PASSWORD, *CODE_METHODS] if self.factor else [PASSWORD]

    def valid_until(self) -> datetime | None:
        """When they are too old; None if something was never proved."""
        needed = [self.password_at, self.code_at] if self.factor else [self.password_at]
        times = [moment for moment in needed if moment is not None]
        return min(times) + PROOF_LIFE if len(times) == len(needed) else None

    def fresh(self, now: datetime) -> bool:
        """Whether security settings may change."""
        until = self.valid_until()
        return until is not None and now < until
