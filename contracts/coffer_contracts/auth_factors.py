"""Facts that auth publishes about what stands beside a password: second factors and personal access tokens.

Network address and user agent stand only in security facts and are stripped before outside subscribers. No secret, code or
token is ever told, not even as a digest.
"""

from typing import ClassVar

from coffer_contracts.audited import ActedFact
from coffer_contracts.event import Moment, described
from coffer_contracts.ids import TokenId, UserId

TOKEN_ENDS = "`person`, `password_reset`, `operator`, `account_ended`"  # noqa: S105  # words, not a token
FACTOR_ENDS = "`person`, `operator`"


class TokenFact(ActedFact):
    """The personal access token as it stands after the fact."""

    token_id: TokenId = described(description="The token's id; its `jti`, and what a deny list names. Opens nothing.")
    user_id: UserId = described(description="On whose behalf it acts.")
    name: str = described(description="As its maker called it.")
    scopes: tuple[str, ...] = described(description="What it may do.")
    created_at: Moment = described(description="When it was made.")
    expires_at: Moment = described(description="When it ends by itself.")
    address: str | None = described(None, description="Network address the act came from; security fact, not for outside.")
    agent: str | None = described(None, description="User agent the act came with; security fact, not for outside.")

    @property
    def subject(self) -> str:
        return f"token/{self.token_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id


class TokenCreatedV1(TokenFact):
    """A personal access token was made; from now on a program may act on somebody's behalf."""

    type: ClassVar[str] = "auth.token.created.v1"


class TokenRevokedV1(TokenFact):
    """A personal access token ended early and is to be refused until it has expired anyway."""

    type: ClassVar[str] = "auth.token.revoked.v1"

    reason: str = described(description=f"Why it ended, a stable word; more may come: {TOKEN_ENDS}.")
    revoked_at: Moment = described(description="When it ended.")


class MfaFact(ActedFact):
    """Something about the second factor of an account. `codes_count` is how many recovery codes can be used after it."""

    user_id: UserId = described(description="Whose second factor it is.")
    codes_count: int = described(description="Recovery codes that can still be used.", ge=0)
    address: str | None = described(None, description="Network address the act came from; security fact, not for outside.")
    agent: str | None = described(None, description="User agent the act came with; security fact, not for outside.")

    @property
    def subject(self) -> str:
        return f"mfa/{self.user_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id


class MfaEnabledV1(MfaFact):
    """A second factor is demanded at every sign-in from now on."""

    type: ClassVar[str] = "auth.mfa.enabled.v1"

    method: str = described(description="Which one, a stable word; more may come: `totp`.")
    enabled_at: Moment = described(description="When it was confirmed by a first code.")


class MfaDisabledV1(MfaFact):
    """A password is enough to sign in again."""

    type: ClassVar[str] = "auth.mfa.disabled.v1"

    method: str = described(description="Which one it was, a stable word; more may come: `totp`.")
    reason: str = described(description=f"Who turned it off, a stable word; more may come: {FACTOR_ENDS}.")
    disabled_at: Moment = described(description="When it was turned off.")


class MfaRecoveryUsedV1(MfaFact):
    """A recovery code stood in for a code of the second factor; it is worth nothing any more."""

    type: ClassVar[str] = "auth.mfa.recovery_used.v1"

    used_at: Moment = described(description="When it was used.")


class MfaCodesRotatedV1(MfaFact):
    """New recovery codes were made; the old ones are worth nothing any more."""

    type: ClassVar[str] = "auth.mfa.codes_rotated.v1"

    rotated_at: Moment = described(description="When they were made.")
