"""The shapes that auth answers with: accounts and pairs of tokens."""

import msgspec
from litestar import Response

from coffer_auth.cookies import RefreshCookies
from coffer_auth.domain.accounts import User
from coffer_auth.domain.sessions import ACCESS_LIFE
from coffer_auth.handlers.sessions import TokenPair
from coffer_auth.routes.requests import SECRET
from coffer_chassis.answers import Timestamp, timestamp


class UserAnswer(msgspec.Struct, frozen=True):
    """An account as its owner sees it."""

    id: str
    username: str
    email: str
    email_verified: bool
    display_name: str
    locale: str
    timezone: str | None
    photo: str | None
    roles: list[str]
    created_at: Timestamp


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed-in device keeps; `expires_in` in seconds. Where a cookie keeps the refresh token it is not shown."""

    access_token: str
    token_type: str
    expires_in: int
    expires_at: Timestamp
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET
    refresh_expires_at: Timestamp
    session_id: str
    user: UserAnswer


def photo_path(user: User) -> str | None:
    """Where everybody who is signed in gets the photo; None without one."""
    return f"/v1/users/{user.id}/photo" if user.photo else None


def user_answer(user: User) -> UserAnswer:
    """The account as its owner sees it."""
    return UserAnswer(
        id=user.id,
        username=user.username,
        email=user.email,
        email_verified=user.email_verified,
        display_name=user.display_name,
        locale=user.locale,
        timezone=user.timezone,
        photo=photo_path(user),
        roles=list(user.roles),
        created_at=timestamp(user.created_at),
    )


def token_answer(pair: TokenPair, cookies: RefreshCookies | None = None) -> Response[TokenAnswer]:
    """The pair as its device gets it, with `cookies` as a browser gets it; not to be cached."""
    answer = TokenAnswer(
        access_token=pair.access_token,
        token_type="Bearer",  # noqa: S106  # the kind of token, RFC 6750
        expires_in=int(ACCESS_LIFE.total_seconds()),
        expires_at=timestamp(pair.expires_at),
        refresh_token=msgspec.UNSET if cookies else pair.refresh_token,
        refresh_expires_at=timestamp(pair.session.expires_at),
        session_id=pair.session.id,
        user=user_answer(pair.user),
    )
    kept = [cookies.holding(pair.refresh_token)] if cookies else None
    return Response(answer, headers={"Cache-Control": SECRET}, cookies=kept)
