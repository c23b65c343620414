"""Tickets: a link session has its bytes once for each, and everybody else needs none."""

from coffer_chassis.identity import Principal
from coffer_chassis.tickets import Ticket, TicketUse, TicketVerifier
from coffer_contracts.problems import TicketRequired
from coffer_files.handlers.deps import Deps
from coffer_files.store.downloads import use_ticket


class Admission:
    """What a caller shows for bytes: read when it is known what they want, and used up at last."""

    def __init__(self, verifier: TicketVerifier, principal: Principal, shown: str | None) -> None:
        self._verifier = verifier
        self._principal = principal
        self._shown = shown
        self._ticket: Ticket | None = None

    async def read(self, use: TicketUse) -> Ticket | None:
        """The ticket of a link session for this use; None for callers who need none. Raises TicketRequired."""
        if self._principal.kind != "link":
            return None
        if not self._shown:
            raise TicketRequired(
                "A link session gets bytes for a fresh ticket: in `Coffer-Ticket`, or as `ticket` in the query."
            )
        ticket = await self._verifier.ticket(self._shown)
        if (ticket.grantee, ticket.session_id, ticket.use) != (self._principal.grantee, self._principal.session_id, use):
            raise TicketRequired("The ticket was made for something else.")
        self._ticket = ticket
        return ticket

    async def use(self, deps: Deps) -> None:
        """Use up what was read, for ever. Raises TicketRequired if somebody did so before."""
        if self._ticket is None:
            return
        async with deps.work.engine.begin() as connection:
            expires_at = self._ticket.expires_at
            fresh = await use_ticket(connection, self._ticket.id, deps.work.clock.now(), expires_at=expires_at)
        if not fresh:
            raise TicketRequired("The ticket was used before.")
