"""Builds what tests of the files service need: a service on a real store with a bucket in memory, and its facts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import httpx
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from coffer_chassis.access import VIEWER, Rights, words_of
from coffer_chassis.handling import HandlerTable
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.inbox import first_time
from coffer_chassis.origin import Origin
from coffer_chassis.settings import CofferSettings
from coffer_chassis.storage import ObjectStored
from coffer_chassis.testing import FixedClock, MemoryBlobs, eventually
from coffer_chassis.tickets import Ticket
from coffer_chassis.unit_of_work import Work
from coffer_contracts import media
from coffer_contracts.auth import UserRegisteredV1
from coffer_contracts.catalog import envelope_of, parse, schema_address
from coffer_contracts.event import Envelope, Event, sequence_text
from coffer_contracts.ids import EventId, GrantId, ItemId, SessionId, UploadId, UserId
from coffer_contracts.problems import TicketRequired, Unauthenticated
from coffer_contracts.sharing import GrantRemovedV1, GrantSetV1
from coffer_files.app import TOPOLOGY, http_app, make_deps
from coffer_files.domain.uploads import Upload
from coffer_files.handlers.announcing import Announcement, start_upload
from coffer_files.handlers.deps import Deps
from coffer_files.handlers.granting import GRANTS
from coffer_files.handlers.reactions import FAST, STORAGE
from coffer_files.settings import FilesSettings
from coffer_files.store import uploads
from coffer_files.store.drives import Drive, drive_of
from coffer_files.store.tables import chassis
from factories.engines import engine_on
from factories.frozen import frozen
from factories.one_app import app_over
from factories.operators import operations_of

KEY = "00" * 32


def settings(url: str, **changes: Any) -> FilesSettings:
    """Settings for a store, with a small quota."""
    known = {"database_url": url, "cursor_key": KEY, "default_quota_bytes": 1_000_000}
    return frozen(FilesSettings, **{**known, **changes})


def person(user_id: str | None = None, **changes: Any) -> Principal:
    """Somebody who is signed in."""
    values: dict[str, Any] = {
        "kind": "user",
        "user_id": UserId(user_id or new_id()),
        "session_id": SessionId(new_id()),
        "scopes": frozenset(),
        "expires_at": FixedClock().now() + timedelta(hours=1),
        "username": "ada",
    }
    return Principal(**{**values, **changes})


def origin_of(principal: Principal) -> Origin:
    """The origin of a request by somebody."""
    return Origin(principal.user_id, principal.kind, new_id())


def envelope(data: Event, *, sequence: int = 1, source: str = "/test") -> Envelope[Event]:
    """A fact as another service would send it."""
    return envelope_of(type(data))(
        id=EventId(new_id()),
        source=source,
        type=data.type,
        subject=data.subject,
        time=FixedClock().now(),
        dataschema=schema_address(type(data)),
        partitionkey=data.subject,
        sequence=sequence_text(sequence),
        ownerid=data.owner,
        correlationid=new_id(),
        data=data,
    )


def registered(user_id: str, *, username: str = "ada", sequence: int = 1) -> Envelope[Event]:
    """Somebody made an account."""
    fact = UserRegisteredV1(
        user_id=UserId(user_id),
        username=username,
        email="ada@example.org",
        email_verified=True,
        display_name=username.title(),
        locale="en",
        status="active",
        created_at=FixedClock().now(),
    )
    return envelope(fact, sequence=sequence)


def stored(upload: Upload, *, etag: str = "e1", size: int | None = None) -> Envelope[Event]:
    """The bucket tells that bytes have come."""
    size = upload.size_bytes if size is None else size
    return envelope(ObjectStored(bucket="coffer", key=upload.blob_key, size_bytes=size, etag=etag))


def cleared(upload: Upload, *, etag: str = "e1", **changes: Any) -> Envelope[Event]:
    """The media worker lets the bytes in."""
    values: dict[str, Any] = {"mime_type": "image/jpeg", "media_kind": "image", "previewable": True}
    return envelope(media.UploadClearedV1(**_judged(upload, etag), **{**values, **changes}))


def rejected(upload: Upload, *, etag: str = "e1", reason: str = "test_virus") -> Envelope[Event]:
    """The media worker refuses the bytes."""
    values: dict[str, Any] = {"mime_type": "text/plain", "media_kind": "text"}
    return envelope(media.UploadRejectedV1(**_judged(upload, etag), **values, reason=reason, detail="It is dangerous."))


def _judged(upload: Upload, etag: str) -> dict[str, Any]:
    return {
        "upload_id": upload.id,
        "owner_id": upload.owner_id,
        "blob_id": upload.blob_id,
        "blob_key": upload.blob_key,
        "etag": etag,
        "size_bytes": upload.size_bytes,
    }


def granted(
    item_id: str,
    owner: Principal,
    reader: Principal,
    rights: Rights = VIEWER,
    *,
    grant_id: str | None = None,
    sequence: int = 1,
    expires_at: datetime | None = None,
) -> Envelope[Event]:
    """Sharing tells that somebody was given something."""
    fact = GrantSetV1(
        grant_id=GrantId(grant_id or new_id()),
        item_id=ItemId(item_id),
        owner_id=owner.user_id,
        grantee=reader.grantee,
        rights=words_of(rights),
        expires_at=expires_at,
        granted_by=owner.user_id,
        granted_at=FixedClock().now(),
    )
    return envelope(fact, sequence=sequence, source="/sharing")


def taken_back(given: Envelope[Event], *, sequence: int = 2, reason: str = "revoked") -> Envelope[Event]:
    """Sharing tells that a grant is over."""
    fact: Any = given.data
    named = {name: getattr(fact, name) for name in ("grant_id", "item_id", "owner_id", "grantee")}
    return envelope(GrantRemovedV1(**named, reason=reason, removed_at=FixedClock().now()), sequence=sequence, source="/sharing")


class TokenIsUserId:
    """A verifier for tests: the token is the user's id, and the roles behind it."""

    async def verify(self, token: str) -> Principal:
        """The person of that id."""
        if token == "bad":
            raise Unauthenticated
        user_id, *roles = token.split(" ")
        return person(user_id, roles=frozenset(roles))

    async def ticket(self, _token: str) -> Ticket:
        """Nobody here has any; `factories.links` signs real ones."""
        raise TicketRequired


@dataclass
class Files:
    """The service on a store of its own, with handles on everything."""

    deps: Deps
    engine: AsyncEngine
    clock: FixedClock
    blobs: Any
    """A MemoryBlobs; tests put failing methods into it."""
    owner: Principal = field(default_factory=person)
    statements: list[str] = field(default_factory=list)

    @property
    def origin(self) -> Origin:
        """A request by the owner."""
        return origin_of(self.owner)

    async def handle(self, *events: Envelope[Event], tables: tuple[HandlerTable, ...] = (STORAGE, FAST, GRANTS)) -> None:
        """Deliver facts one after the other as the consumer does: with the inbox, in a unit each."""
        for fact in events:
            row = next(table[fact.type] for table in tables if fact.type in table)
            async with self.deps.work.engine.begin() as connection:
                unit = self.deps.work.unit_on(connection, cause=fact)
                if await first_time(connection, chassis, "test", fact, unit.now):
                    await row.run(fact, unit, self.deps)
                    await unit.flush(chassis)

    async def start(self, name: str = "a.jpg", size: int = 100, **changes: Any) -> Upload:
        """An open upload of the owner, into the root unless said otherwise."""
        announced = Announcement(**{"parent": "root", "name": name, "size_bytes": size, **changes})
        upload, _ = await start_upload(self.deps, self.owner, self.origin, None, announced)
        return upload

    async def upload(self, name: str = "a.jpg", size: int = 100, **changes: Any) -> Upload:
        """An upload that went all the way to its verdict; as it stands then."""
        upload = await self.start(name, size, **changes)
        await self.handle(stored(upload), cleared(upload))
        return await self.now(upload)

    async def now(self, upload: Upload | UploadId) -> Upload:
        """The upload as it stands."""
        upload_id = upload.id if isinstance(upload, Upload) else upload
        async with self.deps.work.read() as connection:
            found = await uploads.upload_by_id(connection, upload_id)
        assert found is not None
        return found

    async def drive(self) -> Drive:
        """The owner's drive."""
        async with self.deps.work.read() as connection:
            found = await drive_of(connection, self.owner.user_id)
        assert found is not None
        return found

    async def somebody_waits(self, count: int = 1) -> None:
        """Wait until that many transactions wait for a lock; raises AssertionError when that does not happen."""
        query = text(
            "SELECT count(*) >= :count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).bindparams(count=count)

        async def waits() -> bool:
            return bool((await self.rows(query))[0][0])

        await eventually(waits)

    async def rows(self, statement: Any) -> list[Any]:
        """What a query answers."""
        async with self.engine.begin() as connection:
            if isinstance(statement, str):
                statement = text(statement)
            return list((await connection.execute(statement)).all())

    async def facts(self, *types: str) -> list[Any]:
        """What was emitted so far, oldest first."""
        rows = await self.rows(select(chassis.outbox.c.body).order_by(chassis.outbox.c.position))
        told = [parse(row.body) for row in rows]
        return [fact for fact in told if not types or fact.type in types]

    @cached_property
    def app(self) -> Any:
        """The HTTP application."""

        def build(deps: Any, operations: Any) -> Any:
            return http_app(deps, CofferSettings(), TokenIsUserId(), operations)

        return app_over("files", build, self.deps, operations_of(TOPOLOGY, self.deps.work))

    def client(self, principal: Principal | None = None) -> httpx.AsyncClient:
        """An HTTP client of somebody, the owner by default."""
        who = principal or self.owner
        token = " ".join([who.user_id, *who.roles])
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(
            transport=transport, base_url="http://files.test", headers={"Authorization": f"Bearer {token}"}
        )


@asynccontextmanager
async def files_on(url: str, **changes: Any) -> AsyncIterator[Files]:
    """The service on a store; every statement it runs is noted."""
    notes: list[str] = []
    async with engine_on(url, notes, notes_of_the_driver=notes) as engine:
        clock = FixedClock()
        blobs = MemoryBlobs(clock)
        work = Work(engine, chassis, source="/files", clock=clock)
        yield Files(make_deps(work, blobs, settings(url, **changes)), engine, clock, blobs, statements=notes)
