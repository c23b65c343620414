"""What facts that the audit keeps say of values before and after. Pure."""

from typing import Any

from coffer_contracts import auth, auth_factors, auth_identities, sharing, sharing_invitations, sharing_links
from coffer_contracts.event import Event, rfc3339


def changes_of(fact: Any) -> dict[str, list[Any]]:
    """Field -> what it was, what it is; null for nothing, and for what the fact does not say."""
    if isinstance(fact, sharing.ShareFact):
        return _changes_of_share(fact)
    if isinstance(fact, sharing_invitations.InvitationFact):
        return _changes_of_invitation(fact)
    if isinstance(fact, sharing_links.LinkFact):
        return _changes_of_link(fact)
    return _changes_of_user(fact) if isinstance(fact, auth.UserFact) else _changes_of_security(fact)


def _changes_of_user(fact: auth.UserFact) -> dict[str, list[Any]]:
    match fact:
        case auth.UserChangedV1():
            told = {change.field: [change.before, change.after] for change in fact.fields or ()}
            return {name: told.get(name, [None, None]) for name in fact.changes}
        case auth.UserVerifiedV1():
            return {"email_verified": [None, fact.email_verified]}
    return {"status": [None, fact.status]}


def _changes_of_security(fact: Event) -> dict[str, list[Any]]:
    match fact:
        case auth.SessionCreatedV1():
            return {"expires_at": [None, rfc3339(fact.expires_at)]}
        case auth.SessionRevokedV1():
            return {"revoked_at": [None, rfc3339(fact.revoked_at)]}
        case auth_factors.TokenCreatedV1():
            return {"scopes": [None, list(fact.scopes)], "expires_at": [None, rfc3339(fact.expires_at)]}
        case auth_factors.TokenRevokedV1():
            return {"scopes": [list(fact.scopes), None], "revoked_at": [None, rfc3339(fact.revoked_at)]}
        case auth_factors.MfaEnabledV1():
            return {"method": [None, fact.method], "codes_count": [None, fact.codes_count]}
        case auth_factors.MfaDisabledV1():
            return {"method": [fact.method, None], "codes_count": [None, fact.codes_count]}
        case auth_factors.MfaFact():
            return {"codes_count": [None, fact.codes_count]}
        case auth_identities.IdentityLinkedV1():
            return {"issuer": [None, fact.issuer]}
    return {}


def _changes_of_share(fact: sharing.ShareFact) -> dict[str, list[Any]]:
    match fact:
        case sharing.ShareCreatedV1():
            return {"role": [None, fact.role], "expires_at": [None, fact.expires_at and rfc3339(fact.expires_at)]}
        case sharing.ShareChangedV2():
            return {change.field: [change.before, change.after] for change in fact.changes}
    return {"role": [fact.role, None]}


def _changes_of_invitation(fact: sharing_invitations.InvitationFact) -> dict[str, list[Any]]:
    match fact:
        case sharing_invitations.InvitationCreatedV1():
            return {"role": [None, fact.role], "expires_at": [None, fact.expires_at and rfc3339(fact.expires_at)]}
        case sharing_invitations.InvitationChangedV1():
            return {change.field: [change.before, change.after] for change in fact.changes}
        case sharing_invitations.InvitationEndedV1():
            return {"role": [fact.role, None], "share_id": [None, fact.share_id]}
    return {}


def _changes_of_link(fact: sharing_links.LinkFact) -> dict[str, list[Any]]:
    match fact:
        case sharing_links.LinkCreatedV1():
            ends = fact.expires_at and rfc3339(fact.expires_at)
            told = {"mode": fact.mode, "is_protected": fact.is_protected, "expires_at": ends}
            return {name: [None, value] for name, value in (told | {"max_downloads": fact.max_downloads_count}).items()}
        case sharing_links.LinkChangedV1():
            return {change.field: [change.before, change.after] for change in fact.changes}
    return {"mode": [fact.mode, None]}
