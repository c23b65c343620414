"""Facts that auth publishes about identities at OIDC issuers. Address and agent are stripped before outside subscribers."""

from typing import ClassVar

from coffer_contracts.event import Event, Moment, described
from coffer_contracts.ids import LinkedIdentityId, UserId


class IdentityLinkedV1(Event):
    """From now on whoever is this person at an issuer signs in to the account. Happens once; later sign-ins are sessions."""

    type: ClassVar[str] = "auth.identity.linked.v1"

    identity_id: LinkedIdentityId = described(description="The link; nothing else is ever said about it.")
    user_id: UserId = described(description="The account.")
    issuer: str = described(description="Who vouches for the person: the `iss` of its tokens.")
    account_made: bool = described(description="Whether the account was made for this.")
    address: str | None = described(None, description="Network address of the client; security fact, not for outside.")
    agent: str | None = described(None, description="User agent of the client; security fact, not for outside.")
    linked_at: Moment = described(description="When it was linked.")

    @property
    def subject(self) -> str:
        return f"identity/{self.identity_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id
