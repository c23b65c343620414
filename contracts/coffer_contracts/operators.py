"""What an operator's act is: the part that the facts of all services share. Each service has its own type, in its own file.

Read by the notifier, which keeps them as audit entries. No act of the system itself stands here, and no trial run.
"""

from coffer_contracts.audited import ActedFact
from coffer_contracts.event import Shape, described
from coffer_contracts.ids import ActId

ACTIONS = (
    "`dead_letters.redriven`, `dead_letters.dropped`, `events.republished`, `replay.cancelled`, `bucket.repair_requested`,"
    " `job.requested`, `job.cancelled`, `quarantine.released`, `quarantine.discarded`, `limits.lifted`, `audit.exported`,"
    " `analytics.exported`,"
    " `link.taken_down`, `link.put_back`, `webhook.taken_down`, `webhook.put_back`,"
    " `user.created`, `user.changed`, `user.suspended`,"
    " `user.activated`, `user.role_granted`,"
    " `user.role_removed`, `user.deleted`, `user.sessions_revoked`, `user.password_reset`, `user.mfa_reset`; a reader leaves"
    " aside words it does not know"
)


class Particular(Shape):
    """One thing more about an act: how it was narrowed down, at what rate, for whom."""

    name: str = described(description="What it is, e.g. `queue`, `type`, `rate_per_second`.", max_length=100)
    value: str = described(description="As text.", max_length=2000)


class OperatorFact(ActedFact):
    """Somebody who runs this installation did something by hand. The actor stands in the envelope: an account with the
    operator role, or `shell/<user>` for a command.
    """

    act_id: ActId = described(description="The act; nothing else is ever said about it.")
    action: str = described(description=f"A stable word: {ACTIONS}.", max_length=100)
    target: str = described(description="What it was done to, e.g. `dead-letter/<id>`, `dead-letters`, `replay/<id>`.")
    count: int = described(
        description="How many messages, requests, sessions or accounts it was about, as far as that was known then.", ge=0
    )
    detail: tuple[Particular, ...] = described((), description="What else there is to say, e.g. the filters given.")

    @property
    def subject(self) -> str:
        return f"act/{self.act_id}"
