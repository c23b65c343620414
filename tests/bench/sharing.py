"""How soon a second person may and may no longer, how soon they hear of it, and how many shares can be made."""

import statistics
import time
from collections.abc import Sequence

import aiohttp
import httpx

from bench.load import run_loop
from bench.measures import Row, constant_answer, costed, http_row, signed_in
from factories.crowds import Crowd, empty, fill
from factories.live import listening
from factories.people import Person
from factories.stacks import WIDE_LIMITS, LocalStack, stack_on_disk
from factories.visitors import linked, visitor


def rights_in_time(stack: LocalStack, rounds: int = 100) -> list[Row]:
    """From the answer of share to the first request for the item that is let in, and from those of revoke and of shutting
    a link to the first that is not. The stack is idle otherwise; the item is asked for again as soon as the answer before
    has come.
    """
    ana, ben, nobody = Person.at(stack.url), Person.at(stack.url), httpx.Client(base_url=stack.url, timeout=30)
    folder = ana.folder("given")["id"]
    inner = ana.folder("inner", folder)["id"]
    shared, revoked, asked, shut = [], [], [], []
    for _ in range(rounds):
        share = ana.share(folder, ben)
        shared.append(_until(ben, inner, 200))
        began = time.perf_counter()
        ben.get(f"/v1/items/{inner}")
        asked.append(time.perf_counter() - began)
        assert ana.http.delete(f"/v1/shares/{share['id']}").status_code == 204
        revoked.append(_until(ben, inner, 404))
    with nobody:
        for _ in range(rounds):
            link = linked(ana, folder)
            headers = visitor(nobody, link)
            assert ana.http.patch(f"/v1/links/{link['id']}", json={"disabled": True}).status_code == 200
            shut.append(_until_refused(nobody, headers, inner))
            assert ana.http.delete(f"/v1/links/{link['id']}").status_code == 204
    reference = statistics.median(asked)
    return [
        _row(f"share answered to first request let in, p50 / p99 of {rounds}", shared, reference),
        _row(f"revoke answered to first request refused, p50 / p99 of {rounds}", revoked, reference),
        _row(f"public link disabled to first request refused, p50 / p99 of {rounds}", shut, reference),
    ]


CROWD = 10_000
CROWDS = (
    Crowd("SHARING", "sharing.grant.set.v1"),
    Crowd("AUTH", "auth.session.revoked.v1"),
    Crowd("FILES", "files.item.created.v1"),
    Crowd("MEDIA_WORKER", "media.upload.rejected.v1"),
)
"""The first two are for the queue of rights in files, the last is for its fast lane."""


def rights_in_a_crowd(stack: LocalStack, crowds: Sequence[Crowd], where: str, rounds: int = 100) -> Row:
    """From the answer of revoke to the first request that is refused, while so many rows wait in each of these outboxes, which
    are filled up again before each round.
    """
    ana, ben = Person.at(stack.url), Person.at(stack.url)
    folders = [ana.folder(f"given {number}")["id"] for number in range(rounds)]
    shares = [ana.share(folder, ben, notify=False)["id"] for folder in folders]
    for folder in folders:
        ben.sees(folder)
    revoked, asked = [], []
    try:
        for folder, share in zip(folders, shares, strict=True):
            fill(stack, crowds, CROWD)
            began = time.perf_counter()
            ben.get(f"/v1/items/{folder}")
            asked.append(time.perf_counter() - began)
            assert ana.http.delete(f"/v1/shares/{share}").status_code == 204
            revoked.append(_until(ben, folder, 404, patience_seconds=120))
    finally:
        empty(stack, crowds)
    what = f"revoke answered to first request refused while {CROWD:,} other events wait in {where}, p50 / p99 of {rounds}"
    return _row(what, revoked, statistics.median(asked))


def rights_in_crowds() -> list[Row]:
    """The same in one outbox and in all of them, on stacks of their own: it takes a while until a crowd has gone."""
    rows = []
    for crowds, where in ((CROWDS[:1], "sharing's outbox"), (CROWDS, "each of four outboxes")):
        with stack_on_disk(**WIDE_LIMITS) as stack:
            rows.append(rights_in_a_crowd(stack, crowds, where))
    return rows


def told_in_time(stack: LocalStack, rounds: int = 100) -> Row:
    """From the answer of share to the notice on the recipient's live stream."""
    ana, ben = Person.at(stack.url), Person.at(stack.url)
    took, asked = [], []
    with listening(ben) as live:
        for number in range(rounds):
            folder = ana.folder(f"given {number}")["id"]
            ana.share(folder, ben, notify=False)
            began = time.perf_counter()
            live.wait_until(lambda number=number: live.count("notification") > number)  # type: ignore[misc]  # the number is bound at once
            took.append(time.perf_counter() - began)
            began = time.perf_counter()
            ben.get("/v1/me")
            asked.append(time.perf_counter() - began)
    return _row(f"share answered to notice on the live stream, p50 / p99 of {rounds}", took, statistics.median(asked))


def make_shares(stack: LocalStack, clients: int) -> Row:
    """New shares of one folder each with one person."""
    ana, ben = Person.at(stack.url), Person.at(stack.url)
    parent = ana.folder("parent")["id"]
    folders = [ana.folder(f"folder {number}", parent)["id"] for number in range(1500)]
    # The last one must have reached sharing: what is unknown there is waited for.
    ana.share(folders.pop(), ben)

    async def share(session: aiohttp.ClientSession, number: int) -> int:
        body = {
            "item_id": folders[number % len(folders)],
            "recipients": [{"user_id": ben.id}],
            "role": "viewer",
            "notify": False,
        }
        async with session.post(f"{stack.url}/v1/shares", json=body) as answer:
            await answer.read()
            # Once every folder is shared the rest is refused, which costs as much.
            return 201 if answer.status == 409 else answer.status

    found = costed(stack, lambda: run_loop(share, clients=clients, headers=signed_in(ana), expect=201))
    return http_row(f"share, {clients} clients", found, constant_answer(stack, clients))


def _until(person: Person, item_id: str, status: int, *, patience_seconds: float = 10) -> float:
    began = time.perf_counter()
    while person.http.get(f"/v1/items/{item_id}").status_code != status:
        assert time.perf_counter() - began < patience_seconds
    return time.perf_counter() - began


def _until_refused(nobody: httpx.Client, headers: dict[str, str], item_id: str) -> float:
    """A visitor is refused by whichever is heard of first: that the session has ended, or that the link gives nothing."""
    began = time.perf_counter()
    while (status := nobody.get(f"/v1/items/{item_id}", headers=headers).status_code) == 200:
        assert time.perf_counter() - began < 10
    assert status in {401, 404}
    return time.perf_counter() - began


def _row(what: str, seconds: list[float], reference: float) -> Row:
    p50, p99 = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
    beside = f"{reference * 1000:.1f} ms: one request for it"
    return Row(what, f"{p50 * 1000:.0f} / {p99 * 1000:.0f} ms", beside, f"{p50 / reference:.1f} / {p99 / reference:.1f}")
