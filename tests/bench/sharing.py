"""How soon a second person may and may no longer, how soon they hear of it, and how many shares can be made."""

import statistics
import time

import aiohttp

from bench.load import run_loop
from bench.measures import Row, constant_answer, costed, http_row, signed_in
from factories.live import listening
from factories.people import Person
from factories.stacks import LocalStack


def rights_in_time(stack: LocalStack, rounds: int = 100) -> list[Row]:
    """From the answer of share and of revoke to the first request for the item that is let in, and to the first that is not.
    The stack is idle otherwise; the item is asked for again as soon as the answer before has come.
    """
    ana, ben = Person.at(stack.url), Person.at(stack.url)
    folder = ana.folder("given")["id"]
    inner = ana.folder("inner", folder)["id"]
    shared, revoked, asked = [], [], []
    for _ in range(rounds):
        share = ana.share(folder, ben)
        shared.append(_until(ben, inner, 200))
        began = time.perf_counter()
        ben.get(f"/v1/items/{inner}")
        asked.append(time.perf_counter() - began)
        assert ana.http.delete(f"/v1/shares/{share['id']}").status_code == 204
        revoked.append(_until(ben, inner, 404))
    reference = statistics.median(asked)
    return [
        _row(f"share answered to first request let in, p50 / p99 of {rounds}", shared, reference),
        _row(f"revoke answered to first request refused, p50 / p99 of {rounds}", revoked, reference),
    ]


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


def _until(person: Person, item_id: str, status: int) -> float:
    began = time.perf_counter()
    while person.http.get(f"/v1/items/{item_id}").status_code != status:
        assert time.perf_counter() - began < 10
    return time.perf_counter() - began


def _row(what: str, seconds: list[float], reference: float) -> Row:
    p50, p99 = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
    beside = f"{reference * 1000:.1f} ms: one request for it"
    return Row(what, f"{p50 * 1000:.0f} / {p99 * 1000:.0f} ms", beside, f"{p50 / reference:.1f} / {p99 / reference:.1f}")
