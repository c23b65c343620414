"""Facts that auth publishes about passwords: that one was replaced, or that somebody asked for a link to replace it.

Network address and user agent are stripped before outside subscribers; links and secrets never stand here.
"""

from typing import ClassVar

from coffer_contracts.audited import ActedFact
from coffer_contracts.event import Event, Moment, described
from coffer_contracts.ids import UserId


class PasswordChangedV1(ActedFact):
    """The account has another password. Whoever was signed in elsewhere is signed out, which is told session by session."""

    type: ClassVar[str] = "auth.password.changed.v1"

    user_id: UserId = described(description="Whose password it is.")
    how: str = described(
        description="A stable word; more may come: `changed` by the signed-in person, `reset` by a link that was mailed."
    )
    address: str | None = described(None, description="Network address it came from; not for outside.")
    agent: str | None = described(None, description="User agent it came with; not for outside.")
    changed_at: Moment = described(description="From then on the old password is worth nothing.")

    @property
    def subject(self) -> str:
        return f"password/{self.user_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id


class PasswordResetRequestedV1(Event):
    """Somebody, signed in or not, asked for a link to reset an account's password; it was mailed to the account's address.

    Asking with an address that belongs to no account is no fact.
    """

    type: ClassVar[str] = "auth.password.reset_requested.v1"

    user_id: UserId = described(description="The account whose password may be reset.")
    address: str | None = described(None, description="Network address of whoever asked; not for outside.")
    agent: str | None = described(None, description="User agent of whoever asked; not for outside.")
    requested_at: Moment = described(description="When it was asked for.")
    expires_at: Moment = described(description="When the link ends if it is not used.")

    @property
    def subject(self) -> str:
        return f"password/{self.user_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id
