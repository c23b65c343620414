"""Builds what tests of the notifier need: the service on a real store, mail that is caught, streams over real HTTP."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from coffer_chassis.clock import Clock
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.inbox import first_times
from coffer_chassis.sealing import OpeningKey
from coffer_chassis.settings import CofferSettings
from coffer_chassis.testing import FixedClock
from coffer_chassis.unit_of_work import Unit, Work, write_down
from coffer_chassis.wakeups import Wakeups
from coffer_contracts.event import Envelope
from coffer_contracts.ids import SessionId, UserId
from coffer_contracts.problems import Unauthenticated
from coffer_notifier.app import TABLES, TOPOLOGY, http_app, make_deps
from coffer_notifier.domain.addresses import AddressRefused
from coffer_notifier.domain.queues import QueueAddress, QueueLetter, Sender, accept_queue
from coffer_notifier.handlers.deps import Answer, CallFailed, Deps, TopicsAway
from coffer_notifier.handlers.mailing import post_due
from coffer_notifier.handlers.sending import deliver_due
from coffer_notifier.settings import NotifierSettings
from coffer_notifier.store.tables import chassis
from coffer_notifier.stream.hub import Hub
from factories.engines import engine_on
from factories.frozen import frozen
from factories.one_app import app_over
from factories.operators import Roles, operations_of

KEY = "00" * 32
MAIL_KEY = OpeningKey.of_hex(KEY)
"""What auth seals the secrets of mail to."""
ACCOUNT = "444455556666"
"""Of somebody who has queues."""
PUBLIC_URL = "https://coffer.example.org"


def settings(url: str, **changes: Any) -> NotifierSettings:
    """Settings for a store."""
    known: dict[str, Any] = {
        "database_url": url,
        "cursor_key": KEY,
        "mail_private_key": KEY,
        "webhook_key_secret": KEY,
        "unsubscribe_key": KEY,
        "mail_to_unverified": True,
    }
    return frozen(NotifierSettings, **{**known, **changes})


class CaughtPost:
    """A provider that keeps what it is given; it fails as often as it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.failures: list[BaseException] = []
        self.after_sending: list[BaseException] = []

    async def send(self, mail: bytes, *, to: str) -> str:
        """See Post."""
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((to, mail))
        if self.after_sending:
            raise self.after_sending.pop(0)
        return f"ses-{len(self.sent)}"


class CaughtQueues:
    """Queues of an account of AWS that keep what they are given; each fails as often as it is told to."""

    def __init__(self) -> None:
        self.sender: Sender | None = Sender("arn:aws:iam::111122223333:role/coffer-notifier")
        self.is_secure = True
        self.sent: list[tuple[str, QueueLetter]] = []
        self.failing: dict[str, str] = {}
        """ARN -> with which word it fails."""

    def accept(self, arn: str) -> QueueAddress:
        """See Queues."""
        if self.sender is None:
            raise AddressRefused("queues_are_off", "off")
        return accept_queue(arn, self.sender)

    async def send(self, arn: str, letter: QueueLetter) -> Answer:
        """See Queues."""
        if word := self.failing.get(arn):
            raise CallFailed(word)
        self.sent.append((arn, letter))
        return Answer(200, f"MessageId: {len(self.sent)}")

    def to(self, arn: str) -> list[QueueLetter]:
        """What one of them has, oldest first."""
        return [letter for to, letter in self.sent if to == arn]


class TopicsInMemory:
    """Topics of an account of AWS, as far as it is known who is subscribed; it is away while it is told to be."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, str]] = {}
        self.values: dict[str, dict[str, str]] = {}
        self.away = False

    async def arn_of(self, topic: str) -> str:
        """See Topics."""
        if self.away:
            raise TopicsAway("not_connected", "away")
        return f"arn:aws:sns:eu-central-1:111122223333:{topic}"

    async def subscribers(self, topic: str) -> Mapping[str, str]:
        """See Topics."""
        await self.arn_of(topic)
        return dict(self.known.get(topic, {}))

    async def subscribe(self, topic: str, queue: str, values: Mapping[str, str]) -> str:
        """See Topics."""
        arn = f"{await self.arn_of(topic)}:{new_id()}"
        self.known.setdefault(topic, {})[queue] = arn
        self.values[arn] = dict(values)
        return arn

    async def change(self, arn: str, values: Mapping[str, str]) -> None:
        """See Topics."""
        await self.arn_of("")
        self.values[arn] |= values

    async def unsubscribe(self, arn: str) -> None:
        """See Topics."""
        await self.arn_of("")
        for subscribed in self.known.values():
            for queue in [queue for queue, known in subscribed.items() if known == arn]:
                del subscribed[queue]


class TokenSaysWho:
    """A verifier for tests: the token is `user[/session[/seconds]]`."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def verify(self, token: str) -> Principal:
        """The person of that id."""
        user, _, rest = token.partition("/")
        session, _, seconds = rest.partition("/")
        if user == "bad" or session in self._deps.denied.revocations:
            raise Unauthenticated
        return Principal(
            kind="user",
            user_id=UserId(user),
            session_id=SessionId(session or new_id()),
            scopes=frozenset(),
            expires_at=self._deps.work.clock.now() + timedelta(seconds=float(seconds or 600)),
        )


@dataclass
class Notifier:
    """The service on a store of its own, with handles on everything."""

    deps: Deps
    engine: AsyncEngine
    clock: Any
    post: CaughtPost
    queues: CaughtQueues
    topics: TopicsInMemory
    hub: Hub
    wakeups: Wakeups

    async def handle(self, *events: Envelope[Any]) -> None:
        """Deliver facts one after the other as the consumer does: with the inbox, in a transaction each."""
        for fact in events:
            await self.handle_together(fact)

    async def handle_together(self, *events: Envelope[Any]) -> None:
        """Deliver facts in one transaction, as a received batch, to every queue that hears them."""
        units: list[Unit] = []
        async with self.engine.begin() as connection:
            fresh: dict[str, set[tuple[str, str]]] = {}
            for queue, table in TABLES.items():
                heard = [fact for fact in events if fact.type in table]
                fresh[queue] = await first_times(connection, chassis, queue, heard, self.clock.now()) if heard else set()
            for fact in events:
                for queue, table in TABLES.items():
                    if (fact.source, fact.id) not in fresh[queue]:
                        continue
                    fresh[queue].discard((fact.source, fact.id))
                    unit = self.deps.work.unit_on(connection, cause=fact)
                    await table[fact.type].run(fact, unit, self.deps)
                    units.append(unit)
            await write_down(connection, chassis, units)
        self.deps.work.wake({topic for unit in units for topic in unit.topics})

    async def forget_inbox(self) -> None:
        """As if so much time had passed that the inbox no longer knows what was handled."""
        async with self.engine.begin() as connection:
            await connection.execute(text("DELETE FROM inbox"))

    async def post_all(self) -> None:
        """Send all mail that is due now."""
        while await post_due(self.deps):
            pass

    async def deliver_all(self) -> None:
        """Send to webhooks all that is due now."""
        while await deliver_due(self.deps):
            pass

    async def webhook(self, user: str, url: str, *event_types: str, **more: Any) -> dict[str, Any]:
        """Make a webhook of somebody; as it was answered, with its secret."""
        async with self.client(user) as http:
            answer = await http.post("/v1/webhooks", json={"url": url, "event_types": list(event_types), **more})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def queue(self, user: str, *event_types: str, arn: str | None = None, **more: Any) -> dict[str, Any]:
        """Subscribe a queue of somebody and prove it; as it was answered."""
        arn = arn or f"arn:aws:sqs:eu-central-1:{ACCOUNT}:q-{new_id()}"
        async with self.client(user) as http:
            wanted = {"queue_arn": arn, "event_types": list(event_types or ("*",)), **more}
            answer = await http.post("/v1/subscriptions", json=wanted)
            assert answer.status_code == 201, answer.text
            path = f"/v1/subscriptions/{answer.json()['id']}"
            assert (await http.post(f"{path}/code")).status_code == 202
            code = json.loads(self.queues.to(arn)[-1].body)["data"]["code"]
            self.queues.sent = [one for one in self.queues.sent if one[0] != arn]
            answer = await http.post(f"{path}/confirm", json={"code": code})
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        """What a query answers."""
        async with self.engine.begin() as connection:
            return list((await connection.execute(text(statement), values)).all())

    def app_for(self, verifier: Any) -> Any:
        """The HTTP application, for requests without a network, with somebody's word on who sends them."""

        def build(deps: Any, hub: Any, verifier: Any, operations: Any) -> Any:
            return http_app(deps, hub, CofferSettings(), verifier, operations)

        operations = operations_of(TOPOLOGY, self.deps.work)
        return app_over("notifier", build, self.deps, self.hub, verifier, operations)

    @cached_property
    def app(self) -> Any:
        """The same for people."""
        return self.app_for(TokenSaysWho(self.deps))

    def own_app(self) -> Any:
        """One of its own, with a lifespan, to be served."""
        operations = operations_of(TOPOLOGY, self.deps.work)
        return http_app(self.deps, self.hub, CofferSettings(), TokenSaysWho(self.deps), operations)

    def client(self, user: str) -> httpx.AsyncClient:
        """An HTTP client of somebody, without a network."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://notifier.test", headers=bearer(user))

    @asynccontextmanager
    async def operators(self, token: str = "operator") -> AsyncIterator[httpx.AsyncClient]:  # no secret
        """An HTTP client of an operator, or of whom `factories.operators.Roles` takes the token for."""
        transport = httpx.ASGITransport(app=self.app_for(Roles()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://notifier.test", headers=bearer(token)) as http:
            yield http

    async def feed(self, user: str, **query: Any) -> dict[str, Any]:
        """A page of somebody's feed."""
        async with self.client(user) as http:
            answer = await http.get("/v1/notifications", params=query)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    async def activity(self, user: str, **query: Any) -> list[dict[str, Any]]:
        """What somebody sees happen."""
        async with self.client(user) as http:
            answer = await http.get("/v1/activity", params=query)
        assert answer.status_code == 200, answer.text
        entries: list[dict[str, Any]] = answer.json()["items"]
        return entries


def bearer(token: str) -> dict[str, str]:
    """The header of a signed-in request."""
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def notifier_on(url: str, *, clock: Clock | None = None, **changes: Any) -> AsyncIterator[Notifier]:
    """The service on a store; nothing of it runs by itself."""
    async with engine_on(url) as engine:
        wakeups = Wakeups(engine, "notifier")
        clock = clock or FixedClock()
        work = Work(engine, chassis, source="/notifier", clock=clock, wakeups=wakeups)
        post, queues, topics = CaughtPost(), CaughtQueues(), TopicsInMemory()
        deps = make_deps(work, settings(url, **changes), post, queues, topics, public_url=PUBLIC_URL)
        yield Notifier(deps, engine, clock, post, queues, topics, Hub(deps), wakeups)
