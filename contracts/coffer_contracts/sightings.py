"""What a service tells of personal access tokens that it saw: the part that the facts of all services share.

Each service has its own type, in its own file. Read by auth, which shows a token's owner when it was last used.
"""

from coffer_contracts.event import Event, Moment, described
from coffer_contracts.ids import SightingId, TokenId, UserId


class SightingFact(Event):
    """A personal access token was used here. Told at most once per token and quarter of an hour by each process, so a use may
    be told late, and the last one before a crash not at all.
    """

    sighting_id: SightingId = described(description="This sighting; nothing else is ever said about it.")
    token_id: TokenId = described(description="The token's id; opens nothing.")
    user_id: UserId = described(description="On whose behalf it acts.")
    used_at: Moment = described(description="When it was used last, as far as is told here.")

    @property
    def subject(self) -> str:
        return f"sighting/{self.sighting_id}"

    @property
    def owner(self) -> UserId:
        return self.user_id
