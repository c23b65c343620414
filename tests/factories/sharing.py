"""Builds what tests of the sharing service need: a service on a real store, people, and drives that tell their facts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from coffer_chassis.handling import HandlerTable
from coffer_chassis.identity import Principal
from coffer_chassis.inbox import first_time
from coffer_chassis.sealing import OpeningKey, open_sealed
from coffer_chassis.settings import CofferSettings
from coffer_chassis.testing import NOON, FixedClock, eventually
from coffer_chassis.unit_of_work import Work
from coffer_chassis.wakeups import Wakeups
from coffer_contracts import files
from coffer_contracts.auth import UserChangedV1, UserFact, UserRegisteredV1
from coffer_contracts.catalog import parse
from coffer_contracts.event import Envelope, Event
from coffer_contracts.files import ItemFact, ItemKind
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.sharing import ShareRole
from coffer_contracts.sharing_invitations import InvitationWords, MailRequestedV1
from coffer_sharing.app import TOPOLOGY, http_app, make_deps
from coffer_sharing.domain import Named, Share
from coffer_sharing.handlers.deps import Deps
from coffer_sharing.handlers.giving import Gift, Given, share_item
from coffer_sharing.handlers.reactions import PEOPLE_TABLE, TREE_TABLE
from coffer_sharing.handlers.settling import settle_due
from coffer_sharing.handlers.showing import Shown
from coffer_sharing.handlers.showing_invitations import ShownInvitation
from coffer_sharing.settings import SharingSettings
from coffer_sharing.store.shares import share_by_id
from coffer_sharing.store.tables import chassis
from factories.engines import engine_on
from factories.events import arrived
from factories.files import TokenIsUserId, origin_of, person
from factories.frozen import frozen
from factories.one_app import app_over
from factories.operators import operations_of

KEY = "00" * 32
MAIL_KEY = OpeningKey.of_hex("22" * 32)
"""What mail to the invited is sealed to."""
SECRETS = {"cursor_key": KEY, "address_secret": "11" * 32, "key_secret": KEY, "mail_public_key": MAIL_KEY.sealing.hex}
PUBLIC = "https://drive.example.org"
LIGHT = {"password_memory_kib": 64, "password_passes": 1}
"""Hashing as light as it may be."""
LONG_AGO = NOON - timedelta(days=1)


def id_made(moment: datetime = LONG_AGO) -> Any:
    """A UUIDv7 of that moment; long ago, so that nobody waits for what it names."""
    milliseconds = int(moment.timestamp() * 1000)
    return str(UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | (uuid4().int & ((1 << 62) - 1))))


def told_of(principal: Principal, *, sequence: int = 1, **changes: Any) -> Envelope[UserFact]:
    """What auth says about somebody."""
    values: dict[str, Any] = {
        "user_id": principal.user_id,
        "username": principal.username,
        "email": f"{principal.username}@example.org",
        "email_verified": True,
        "display_name": str(principal.username).title(),
        "locale": "en",
        "status": "active",
        "created_at": NOON,
    }
    kind: Any = UserRegisteredV1 if sequence == 1 else UserChangedV1
    return arrived(kind(**{**values, **changes}), sequence=sequence, source="/auth")


@dataclass
class Item:
    """A file or folder as files would know it."""

    id: ItemId
    kind: ItemKind
    name: str
    parent: "Item | None"
    revision: int = 1
    trashed_at: datetime | None = None

    @property
    def above(self) -> tuple[ItemId, ...]:
        """The folders above, the root first."""
        return (*self.parent.above, self.parent.id) if self.parent else ()


@dataclass
class Drive:
    """Somebody's drive, as files has it. Every change gives the facts that files would publish."""

    owner_id: UserId
    items: dict[ItemId, Item] = field(default_factory=dict)

    def root(self) -> tuple[Item, Envelope[ItemFact]]:
        """The root folder."""
        return self.make("", None)

    def make(
        self, name: str, parent: Item | None, kind: ItemKind = "folder", *, made_at: datetime = LONG_AGO
    ) -> tuple[Item, Envelope[ItemFact]]:
        """A new folder, or a file whose bytes have come."""
        item = Item(ItemId(id_made(made_at)), kind, name, parent)
        self.items[item.id] = item
        if kind == "folder":
            return item, self._told(item, files.ItemCreatedV1)
        return item, self._told(item, files.ItemCommittedV1, is_new=True)

    def change(self, item: Item, **changes: Any) -> Envelope[ItemFact]:
        """Rename, or move to another `parent`."""
        for name, value in changes.items():
            setattr(item, name, value)
        item.revision += 1
        return self._told(item, files.ItemChangedV1, changes=tuple(changes))

    def trash(self, item: Item) -> Envelope[ItemFact]:
        """Into the trash."""
        item.trashed_at, item.revision = NOON, item.revision + 1
        return self._told(item, files.ItemTrashedV1)

    def restore(self, item: Item) -> Envelope[ItemFact]:
        """Back from the trash."""
        item.trashed_at, item.revision = None, item.revision + 1
        return self._told(item, files.ItemRestoredV1)

    def purge(self, item: Item) -> list[Envelope[Event]]:
        """Gone for good, with everything below, the lowest first."""
        below = [fact for child in [*self.items.values()] if child.parent is item for fact in self.purge(child)]
        del self.items[item.id]
        fact = files.ItemPurgedV1(
            item_id=item.id,
            kind=item.kind,
            owner_id=self.owner_id,
            parent_id=item.parent.id if item.parent else None,
            ancestor_ids=item.above,
            name=item.name,
            purged_at=NOON,
        )
        return [*below, arrived(fact, sequence=item.revision + 1)]

    def restate(self, item: Item) -> Envelope[ItemFact]:
        """How the item stands, told again."""
        return self._told(item, files.ItemChangedV1, changes=())

    def _told(self, item: Item, kind: type[Any], **more: Any) -> Envelope[ItemFact]:
        fact: ItemFact = kind(
            item_id=item.id,
            kind=item.kind,
            owner_id=self.owner_id,
            parent_id=item.parent.id if item.parent else None,
            ancestor_ids=item.above,
            name=item.name,
            created_by=self.owner_id,
            created_at=NOON,
            modified_at=NOON,
            changed_at=NOON,
            trashed_at=item.trashed_at,
            **more,
        )
        return arrived(fact, sequence=item.revision)


@dataclass
class Sharing:
    """The service on a store of its own, with handles on everything."""

    deps: Deps
    engine: AsyncEngine
    clock: FixedClock
    owner: Principal = field(default_factory=person)
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.drive = Drive(self.owner.user_id)

    async def settle(self) -> None:
        """Tell of the owner and the root of their drive."""
        self.root, fact = self.drive.root()
        self.owner = await self.person()
        await self.handle(fact)

    async def person(self, username: str = "", **changes: Any) -> Principal:
        """Somebody with an account; the first one is the owner of the drive."""
        user_id = self.owner.user_id if self.owner.username == "ada" else id_made()
        somebody = person(user_id, username=username or f"u{id_made()[-12:]}")
        await self.handle(told_of(somebody, **changes))
        return somebody

    async def item(self, name: str = "a", parent: Item | None = None, kind: ItemKind = "folder", **more: Any) -> Item:
        """A file or folder of the owner that was told of."""
        made, fact = self.drive.make(name, parent or self.root, kind, **more)
        await self.handle(fact)
        return made

    async def handle(self, *events: Envelope[Event], tables: tuple[HandlerTable, ...] = (TREE_TABLE, PEOPLE_TABLE)) -> None:
        """Deliver facts one after the other as the consumer does: with the inbox, in a unit each."""
        for fact in events:
            row = next(table[fact.type] for table in tables if fact.type in table)
            async with self.deps.work.engine.begin() as connection:
                unit = self.deps.work.unit_on(connection, cause=fact)
                if await first_time(connection, chassis, "test", fact, unit.now):
                    await row.run(fact, unit, self.deps)
                    await unit.flush(chassis)
            self.deps.work.wake(unit.topics)

    async def share(self, item: Item, *people: Principal, role: ShareRole = "viewer", **more: Any) -> list[Shown]:
        """The owner shares an item."""
        named = [Named(somebody.user_id, None) for somebody in people]
        made, _ = await share_item(self.deps, self.owner, origin_of(self.owner), None, Gift(item.id, named, role, **more))
        return made.shares

    async def invite(self, item: Item, *emails: str, role: ShareRole = "viewer", **more: Any) -> list[ShownInvitation]:
        """The owner shares an item with addresses. Nothing of it is settled yet."""
        named = [Named(email=email) for email in emails]
        made: Given
        made, _ = await share_item(self.deps, self.owner, origin_of(self.owner), None, Gift(item.id, named, role, **more))
        return made.invitations

    async def settle_all(self) -> None:
        """Look at everything that is marked to be looked at by now, as the loop does."""
        while await settle_due(self.deps):
            pass

    async def mails(self) -> list[tuple[MailRequestedV1, InvitationWords]]:
        """The mails that were asked for about invitations to items of the owner, with what they say, oldest first."""
        rows = await self.rows(select(chassis.private_outbox.c.body).order_by(chassis.private_outbox.c.position))
        asked = [data for row in rows if isinstance(data := parse(row.body).data, MailRequestedV1)]
        mine = [one for one in asked if one.user_id == self.owner.user_id]
        opened = [open_sealed([MAIL_KEY], one.sealed, one.context, longest=20_000) for one in mine]
        return [(one, InvitationWords.model_validate_json(words)) for one, words in zip(mine, opened, strict=True)]

    async def now(self, share: Shown | Share) -> Share:
        """The share as it stands."""
        share_id = share.share.id if isinstance(share, Shown) else share.id
        async with self.deps.work.read() as connection:
            found = await share_by_id(connection, share_id)
        assert found is not None
        return found

    async def rows(self, statement: Any) -> list[Any]:
        """What a query answers."""
        async with self.engine.begin() as connection:
            if isinstance(statement, str):
                statement = text(statement)
            return list((await connection.execute(statement)).all())

    async def everything(self) -> list[list[Any]]:
        """Every row of the service's own tables, copies, inbox and outbox."""
        own = ("shares", "links", "link_accesses", "invitations", "comments", "commented")
        names = (*own, "tree", "people", "revocations", "inbox", "outbox", "private_outbox")
        return [sorted(await self.rows(f"SELECT to_jsonb({name})::text FROM {name}")) for name in names]

    async def facts(self, subject: str | None = None) -> list[Any]:
        """What was emitted so far, oldest first; about one subject if it is named. Twins in two majors are one fact."""
        rows = await self.rows(select(chassis.outbox.c.body).order_by(chassis.outbox.c.position))
        told = {fact.id: fact for fact in (parse(row.body) for row in rows)}
        return [fact for fact in told.values() if subject in {None, fact.subject}]

    async def told(self, share: Shown | Share) -> list[Any]:
        """What was emitted about a share and its grant, oldest first."""
        share_id = share.share.id if isinstance(share, Shown) else share.id
        return [fact for fact in await self.facts() if fact.subject in {f"grant/{share_id}", f"share/{share_id}"}]

    async def somebody_waits(self, count: int = 1) -> None:
        """Wait until that many transactions wait for a lock; raises AssertionError when that does not happen."""
        query = text(
            "SELECT count(*) >= :count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).bindparams(count=count)

        async def waits() -> bool:
            return bool((await self.rows(query))[0][0])

        await eventually(waits)

    @cached_property
    def app(self) -> Any:
        """The HTTP application."""

        def build(deps: Any, operations: Any) -> Any:
            return http_app(deps, CofferSettings(), TokenIsUserId(), operations)

        return app_over("sharing", build, self.deps, operations_of(TOPOLOGY, self.deps.work))

    def client(self, principal: Principal | None = None, *, verifier: Any = None) -> httpx.AsyncClient:
        """An HTTP client of somebody, the owner by default."""
        token = (principal or self.owner).user_id
        app: Any = (
            http_app(self.deps, CofferSettings(), verifier, operations_of(TOPOLOGY, self.deps.work)) if verifier else self.app
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        return httpx.AsyncClient(
            transport=transport, base_url="http://sharing.test", headers={"Authorization": f"Bearer {token}"}
        )


@asynccontextmanager
async def sharing_on(url: str, **changes: Any) -> AsyncIterator[Sharing]:
    """The service on a store; every statement it runs is noted."""
    notes: list[str] = []
    async with engine_on(url, notes) as engine:
        clock = FixedClock()
        work = Work(engine, chassis, source="/sharing", clock=clock, wakeups=Wakeups(engine, "sharing"))
        settings = frozen(SharingSettings, **{"database_url": url, **SECRETS, **LIGHT, **changes})
        sharing = Sharing(make_deps(work, settings, PUBLIC), engine, clock, person(id_made()), statements=notes)
        await sharing.settle()
        try:
            yield sharing
        finally:
            sharing.deps.hashing.close()
