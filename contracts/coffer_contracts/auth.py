"""Facts that auth publishes: accounts and signed-in devices.

Network address and user agent stand only in the security facts of this file and are stripped before outside subscribers.
"""

from typing import Annotated, ClassVar, Literal

from coffer_contracts.audited import ActedFact
from coffer_contracts.event import Event, Moment, described
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.operators import OperatorFact
from coffer_contracts.sharing import FieldChange
from coffer_contracts.words import Open

REVOCATIONS = "`logout`, `reuse_detected`, `password_changed`, `operator`, `expired`"


OpenStatus = Annotated[Literal["active", "suspended", "deleted"], Open("suspended")]
"""A status that a reader does not know is one with which nobody signs in and to whom nothing is sent."""


class UserFact(ActedFact):
    """The account as it stands after the fact."""

    user_id: UserId = described(description="The account; also the tenant that its drive belongs to.")
    username: str = described(description="Unique, without `@`, as the person wrote it.")
    email: str = described(description="Address as given; whether it was proved stands in `email_verified`.")
    email_verified: bool = described(description="True once the person followed the link sent to `email`.")
    display_name: str = described(description="What others see.")
    locale: str = described(description="BCP 47 language tag for what is sent to the person.")
    status: OpenStatus = described(description="Whether the account may sign in.")
    created_at: Moment = described(description="When the account was made.")
    timezone: str | None = described(None, description="IANA name of the time zone the person lives by, if they said so.")
    roles: tuple[str, ...] | None = described(
        None, description="Standing of the account beside being one: `operator`; None in facts of older releases."
    )
    photo: str | None = described(None, description="Names the newest photo; another one has another name. None without one.")
    quota_bytes: int | None = described(
        None, description="Room that an operator gave the account's drive; None for the room that everybody has.", ge=0
    )

    @property
    def subject(self) -> str:
        return f"user/{self.user_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id


class UserRegisteredV1(UserFact):
    """An account was made. Files lays out its drive."""

    type: ClassVar[str] = "auth.user.registered.v1"


class UserVerifiedV1(UserFact):
    """The person followed a link that was sent to the account's address, which is theirs from now on."""

    type: ClassVar[str] = "auth.user.verified.v1"


class UserChangedV1(UserFact):
    """Something about the account changed, or the account is told again for readers that lost their copy."""

    type: ClassVar[str] = "auth.user.changed.v1"

    changes: tuple[str, ...] = described((), description="Which fields changed; none when the account is only told again.")
    fields: tuple[FieldChange, ...] | None = described(
        None,
        description="The same with what each was and what it is, as text; of the mail address without values, so that nobody"
        " keeps one that the person has given up.",
    )


class UserSuspendedV1(UserFact):
    """An operator shut the account: its sessions have ended, and nobody signs in to it until an operator opens it again."""

    type: ClassVar[str] = "auth.user.suspended.v1"


class UserDeletedV1(UserFact):
    """The account was closed for good. Name and address are no longer the person's: the fact carries made-up ones."""

    type: ClassVar[str] = "auth.user.deleted.v1"


class SessionFact(Event):
    """Something about one sign-in."""

    session_id: SessionId
    user_id: UserId

    @property
    def subject(self) -> str:
        return f"session/{self.session_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id


class SessionCreatedV1(SessionFact):
    """Someone signed in; a new device holds tokens."""

    type: ClassVar[str] = "auth.session.created.v1"

    session_id: SessionId = described(description="The sign-in; stands in every access token as `sid`.")
    user_id: UserId = described(description="Who signed in.")
    device_name: str | None = described(None, description="As the client named itself.")
    address: str | None = described(None, description="Network address of the client; security fact, not for outside.")
    agent: str | None = described(None, description="User agent of the client; security fact, not for outside.")
    created_at: Moment = described(description="When the person signed in.")
    expires_at: Moment = described(description="When the session ends if it is not refreshed.")


class SessionRevokedV1(SessionFact, ActedFact):
    """A session ended early; its access tokens are to be refused until they have expired anyway."""

    type: ClassVar[str] = "auth.session.revoked.v1"

    session_id: SessionId = described(description="The session that ended.")
    user_id: UserId = described(description="Whose session it was.")
    reason: str = described(description=f"Why it ended, a stable word; more may come: {REVOCATIONS}.")
    address: str | None = described(None, description="Network address of whoever ended it; not for outside.")
    agent: str | None = described(None, description="User agent of whoever ended it; not for outside.")
    revoked_at: Moment = described(description="When it ended.")
    tokens_expire_at: Moment = described(description="After this no access token of the session is valid any more.")


class SessionReuseDetectedV1(SessionFact):
    """A refresh token was shown a second time: someone else holds a copy, so the whole family was revoked."""

    type: ClassVar[str] = "auth.session.reuse_detected.v1"

    session_id: SessionId = described(description="The session whose refresh token was reused.")
    user_id: UserId = described(description="Whose session it was.")
    address: str | None = described(None, description="Network address the reuse came from; not for outside.")
    agent: str | None = described(None, description="User agent the reuse came with; not for outside.")
    detected_at: Moment = described(description="When the reuse was seen.")


class LoginFailedV1(Event):
    """A sign-in to an existing account was refused. Attempts on names that do not exist are counted, not published."""

    type: ClassVar[str] = "auth.login.failed.v1"

    user_id: UserId = described(description="The account somebody tried to enter.")
    reason: str = described(
        description="Why it was refused, a stable word; more may come: `invalid_credentials`, `account_suspended`,"
        " `email_unverified`, `too_many_attempts`, `mfa_invalid`."
    )
    address: str | None = described(None, description="Network address of the attempt; not for outside.")
    agent: str | None = described(None, description="User agent of the attempt; not for outside.")
    failed_at: Moment = described(description="When it was refused.")
    failures: int = described(description="Failed attempts on this account so far; also the sequence of the fact.", ge=1)

    @property
    def subject(self) -> str:
        return f"login/{self.user_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id


class OperatorActedV1(OperatorFact):
    """An operator did something by hand: to an account, or to what auth does with messages."""

    type: ClassVar[str] = "auth.operator.acted.v1"
