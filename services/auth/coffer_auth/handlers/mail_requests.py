"""Asking the notifier for mail about an account: with the secret of its link sealed, in the transaction that needs it."""

from datetime import timedelta

from coffer_auth.domain.accounts import User
from coffer_auth.handlers.deps import Deps
from coffer_chassis.ids import new_id
from coffer_chassis.sealing import seal
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.auth_mail import SEALED_KINDS, MailRequestedV1, mail_context
from coffer_contracts.ids import MailId


def request_mail(
    unit: Unit,
    deps: Deps,
    user: User,
    kind: str,
    *,
    lives_for: timedelta,
    secret: str | None = None,
    address: str | None = None,
) -> None:
    """Have a mail sent when, and only when, this unit commits, to the account's address or to another one.

    `kind` is one of `auth_mail`; `secret` is what its link is to carry, plain and of URL-safe characters, and is kept nowhere
    here. Not sent any more once it `lives_for` so long: say how long the secret is good for. Twice makes two mails. Raises
    ValueError for a kind that needs a secret without one, and for a secret where none belongs.
    """
    if (secret is not None) != (kind in SEALED_KINDS):
        raise ValueError(f"a mail of kind {kind} {'needs a' if secret is None else 'has no'} secret")
    mail_id, to, expires_at = MailId(new_id()), address or user.email, unit.now + lives_for
    context = mail_context(mail_id, user.id, kind, to, expires_at)
    unit.send_privately(
        MailRequestedV1(
            mail_id=mail_id,
            user_id=user.id,
            kind=kind,
            address=to,
            display_name=user.display_name,
            locale=user.locale,
            sealed=None if secret is None else seal(deps.mail_key, secret.encode(), context),
            expires_at=expires_at,
        )
    )
