"""Visitors of public links: sessions and tickets as sharing will sign them, against files with a real verifier."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from coffer_chassis.access import VIEWER, Rights, words_of
from coffer_chassis.identity import Verifier
from coffer_chassis.ids import new_id
from coffer_chassis.settings import CofferSettings
from coffer_chassis.testing import FixedClock
from coffer_contracts.ids import GrantId, ItemId
from coffer_contracts.sharing import GrantRemovedV1, GrantSetV1
from coffer_files.app import TOPOLOGY, http_app
from factories.accounts import Issuer
from factories.files import Files, envelope
from factories.one_app import app_over
from factories.operators import operations_of


@dataclass
class Links:
    """Who signs what, and the files service that believes it."""

    files: Files
    cache: Path
    auth: Issuer = field(default_factory=Issuer)
    sharing: Issuer = field(default_factory=lambda: Issuer(name="coffer-sharing", kinds=("link", "ticket")))

    def __post_init__(self) -> None:
        issuers = {issuer.trusted.jwks_url: issuer for issuer in (self.auth, self.sharing)}

        async def fetch(url: str) -> bytes:
            return await issuers[url].fetch(url)

        trusted = tuple(issuer.trusted for issuer in issuers.values())
        revocations = self.files.deps.denied.revocations
        self.verifier = Verifier(trusted, self.cache, self.clock, revocations=revocations, fetch=fetch)

    @property
    def clock(self) -> FixedClock:
        """The one of the service."""
        return self.files.clock

    async def visitor(
        self, item_id: str, rights: Rights = VIEWER, *, expires_at: datetime | None = None, **claims: Any
    ) -> "Visitor":
        """A session of a new link to an item."""
        visitor = Visitor(self, new_id(), new_id(), claims)
        await self.give(visitor, item_id, rights, expires_at=expires_at)
        return visitor

    async def give(
        self,
        visitor: "Visitor",
        item_id: str,
        rights: Rights,
        *,
        sequence: int = 1,
        expires_at: datetime | None = None,
        grantee: str | None = None,
    ) -> None:
        """Sharing tells what the link gives from now on."""
        fact = GrantSetV1(
            grant_id=GrantId(visitor.grant),
            item_id=ItemId(item_id),
            owner_id=self.files.owner.user_id,
            grantee=grantee or f"link/{visitor.link}",
            rights=words_of(rights),
            expires_at=expires_at,
            granted_by=self.files.owner.user_id,
            granted_at=self.clock.now(),
        )
        await self.files.handle(envelope(fact, sequence=sequence, source="/sharing"))

    async def end(self, visitor: "Visitor", item_id: str) -> None:
        """Sharing tells that the link is over."""
        fact = GrantRemovedV1(
            grant_id=GrantId(visitor.grant),
            item_id=ItemId(item_id),
            owner_id=self.files.owner.user_id,
            grantee=f"link/{visitor.link}",
            reason="revoked",
            removed_at=self.clock.now(),
        )
        await self.files.handle(envelope(fact, sequence=9, source="/sharing"))

    def client(self, token: str) -> httpx.AsyncClient:
        """An HTTP client that shows a token."""

        def build(deps: Any, operations: Any, verifier: Any) -> Any:
            return http_app(deps, CofferSettings(), verifier, operations)

        deps = self.files.deps
        app = app_over("files-with-tokens", build, deps, operations_of(TOPOLOGY, deps.work), self.verifier)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
            base_url="http://files.test",
            headers={"Authorization": f"Bearer {token}"},
        )


@dataclass
class Visitor:
    """One session of a public link."""

    links: Links
    link: str
    session: str
    claims: dict[str, Any] = field(default_factory=dict)
    grant: str = field(default_factory=new_id)
    """What the link was given by."""

    @property
    def token(self) -> str:
        """The session's token."""
        claims = {"sub": f"link/{self.link}", "kind": "link", "sid": self.session, "username": None, **self.claims}
        return self.links.sharing.token(self.links.clock.now(), **claims)

    def ticket(
        self, item_id: str, use: str = "content", *, seconds: int = 60, issuer: Issuer | None = None, **claims: Any
    ) -> str:
        """A ticket for this session; every claim can be bent."""
        honest = {"sub": f"link/{self.link}", "kind": "ticket", "sid": self.session, "item_id": item_id, "use": use}
        signer = issuer or self.links.sharing
        bare = {"username": None, "scopes": None}
        return signer.token(self.links.clock.now(), seconds=seconds, **{**bare, **honest, **claims})

    def client(self) -> httpx.AsyncClient:
        """An HTTP client of the visitor."""
        return self.links.client(self.token)
