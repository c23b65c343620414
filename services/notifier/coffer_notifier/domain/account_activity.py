"""Activity of accounts: what happened to them, for the person alone. Pure: facts in, entries out."""

from typing import Any

from coffer_contracts import auth
from coffer_contracts.event import Envelope, Event
from coffer_notifier.domain.activity import Entry
from coffer_notifier.domain.audit_changes import changes_of
from coffer_notifier.domain.audited import AUDITED
from coffer_notifier.domain.security import SECURITY, action_of, actor_of

ACCOUNT_FACTS: tuple[type[Event], ...] = (*SECURITY, auth.UserFact)
"""Facts about an account; each says whose it is as `user_id`."""

ACCOUNT_ACTIONS = tuple(sorted(".".join(event.type.split(".")[1:-1]) for event in AUDITED if issubclass(event, ACCOUNT_FACTS)))
"""What activity calls them: the type without service and major."""


def entry_of_account(event: Envelope[Any], entry_id: str) -> Entry:
    """What a fact about an account tells its owner: of what operators do with it not who it was, which the audit knows."""
    fact, (actor_id, actor_kind) = event.data, actor_of(event)
    if actor_kind == "operator" and isinstance(fact, auth.UserFact):
        actor_id = None
    return Entry(
        id=entry_id,
        event_id=event.id,
        at=event.time,
        actor_id=actor_id,
        actor_kind=actor_kind,
        action=action_of(event),
        item_id=None,
        item_kind=None,
        item_name=None,
        owner_id=fact.user_id,
        recipient_id=None,
        scope=(),
        changes={field: (values[0], values[1]) for field, values in changes_of(fact).items()},
        reason=getattr(fact, "reason", None) or getattr(fact, "how", None),
        address=getattr(fact, "address", None),
        agent=getattr(fact, "agent", None),
    )
