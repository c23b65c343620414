"""What an OIDC issuer's word is worth: which claims make an identity, and which account it may be linked to."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coffer_auth.domain.accounts import User, accept_username
from coffer_contracts.problems import AccountSuspended, EmailUnverified, Unauthenticated, ValidationFailed

SUBJECT_LENGTH = 255
"""OpenID Connect Core 1.0 section 2, `sub`."""
NAME_LENGTH = 48
"""Of a user name made from what the issuer says, so that a number still fits behind it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as an issuer knows them. `subject` never changes; everything else may."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    username: str | None
    name: str | None


def identity_in(claims: dict[str, Any], *, audience: Sequence[str], nonce: str | None) -> Identity:
    """The identity in the claims of a token whose signature, issuer, audience and times were checked. Raises Unauthenticated.

    A token for several audiences must name one of ours as the party it was issued to; access tokens that happen to verify are
    refused; and where the client sent a nonce to the issuer, it must be there.
    """
    subject, party, verified = claims["sub"], claims.get("azp"), claims.get("email_verified")
    if _text(subject) is None or len(subject) > SUBJECT_LENGTH:
        raise Unauthenticated("The ID token names nobody.")
    if (party is not None or _several(claims["aud"])) and party not in audience:
        raise Unauthenticated("The ID token was issued to somebody else.")
    # Cognito and Keycloak say which of their tokens it is.
    if claims.get("token_use", "id") != "id" or claims.get("typ", "ID") != "ID":
        raise Unauthenticated("The token is no ID token.")
    if nonce is not None and claims.get("nonce") != nonce:
        raise Unauthenticated("The ID token was made for another sign-in.")
    return Identity(
        issuer=claims["iss"],
        subject=subject,
        email=_text(claims.get("email")),
        email_verified=verified is True or verified == "true",
        username=_text(claims.get("preferred_username", claims.get("cognito:username"))),
        name=_text(claims.get("name")),
    )


def vouched_email(identity: Identity) -> str:
    """The address that the issuer has verified. Raises EmailUnverified."""
    if identity.email is None or not identity.email_verified:
        raise EmailUnverified("The issuer has not verified the e-mail address.")
    return identity.email


def accept_link(user: User) -> None:
    """Whether an account with the vouched address may be linked. Raises AccountSuspended, EmailUnverified.

    Not while its own address is unverified: a stranger may have registered it and wait for its owner to come by.
    """
    if user.status != "active":
        raise AccountSuspended
    if not user.email_verified:
        raise EmailUnverified("An account with this address exists, but nobody has shown yet that the address is theirs.")


def username_of(identity: Identity, email: str) -> str:
    """A user name as the issuer has it, or else made from the address; it may be taken."""
    for wish in (identity.username, email.partition("@")[0]):
        tidy = re.sub(r"[^\w.-]", "-", unicodedata.normalize("NFKC", wish or ""))[:NAME_LENGTH].strip("._-")
        try:
            return accept_username(tidy)
        except ValidationFailed:
            continue
    return "person"


def _several(audience: object) -> bool:
    return isinstance(audience, list) and len(audience) > 1


def _text(value: object) -> str | None:
    """Text that can be stored and shown: a signature does not keep control characters and lone surrogates away."""
    return value if isinstance(value, str) and value and value.isprintable() else None
