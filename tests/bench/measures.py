"""What is measured, and the reference that stands beside each figure, taken in the same minute."""

import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import aiohttp
import httpx
import psutil
from PIL import Image

from bench.load import Figures, Request, run_loop
from factories import images
from factories.databases import BIN
from factories.people import Person
from factories.stacks import LocalStack

MENTIONED_MS = 0.005
REST_SECONDS = 30
"""Connections to the store that only the start needed are closed within two windows of 10 s."""


@dataclass(frozen=True)
class Costed:
    """A loop and what each of its requests cost, in milliseconds of processor time by part of the stack."""

    figures: Figures
    cost_ms: dict[str, float]

    def cell(self) -> str:
        """As it stands in a table."""
        parts = ", ".join(f"{part} {cost:.2f}" for part, cost in sorted(self.cost_ms.items(), key=lambda pair: -pair[1]))
        return f"{self.figures.cell()}; CPU ms each: {parts}"


@dataclass(frozen=True)
class Row:
    """One line of the report."""

    what: str
    figure: str
    reference: str
    ratio: str


def upload_to_thumbnail(stack: LocalStack, photos: int = 10) -> Row:
    """From the start of the upload to the last byte of the thumbnail, one photo at a time, on an idle stack."""
    ana = Person.at(stack.url)
    photo = images.twelve_megapixels()
    ana.previewed(ana.upload("warm.jpg", photo, mime_type="image/jpeg")["item_id"])
    took = []
    with httpx.Client() as bucket:
        for number in range(photos):
            time.sleep(0.3)  # idle means that the last photo's events are through
            took.append(_one_photo(ana, bucket, f"{number}-{uuid4().hex}.jpg", photo))
    alone = []
    for _ in range(photos):
        began = time.perf_counter()
        _bare_thumbnail(photo)
        alone.append(time.perf_counter() - began)
    p50, bare = statistics.median(took) * 1000, statistics.median(alone) * 1000
    what = f"upload to thumbnail bytes, 12 MP JPEG of {len(photo) / 1e6:.1f} MB, p50 of {photos} (max)"
    figure = f"{p50:.0f} ms ({max(took) * 1000:.0f} ms)"
    return Row(what, figure, f"{bare:.0f} ms: the same thumbnail by Pillow alone, in one process", f"{p50 / bare:.1f}")


def _one_photo(ana: Person, bucket: httpx.Client, name: str, photo: bytes) -> float:
    began = time.perf_counter()
    started = ana.announce(name, len(photo), mime_type="image/jpeg")
    single = started["single"]
    assert bucket.put(single["url"], headers=single["headers"], content=photo).status_code == 200
    ana.complete(started["id"])
    while True:
        upload = ana.get(f"/v1/uploads/{started['id']}")
        if upload["state"] == "committed":
            answer = ana.http.get(f"/v1/items/{upload['item_id']}/preview", follow_redirects=False)
            if answer.status_code == 302:
                break
        assert time.perf_counter() - began < 10, upload
        time.sleep(0.005)
    assert bucket.get(answer.headers["location"]).status_code == 200
    return time.perf_counter() - began


def _bare_thumbnail(photo: bytes) -> bytes:
    with Image.open(io.BytesIO(photo)) as picture:
        picture.draft("RGB", (500, 500))
        picture.thumbnail((400, 400), Image.Resampling.LANCZOS, reducing_gap=1.25)
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=75, method=2)
    return out.getvalue()


def constant_answer(stack: LocalStack, clients: int) -> Costed:
    """The same server answering a constant: what HTTP itself costs."""
    return costed(stack, lambda: run_loop(requested(f"{stack.url}/livez"), clients=clients))


def costed(stack: LocalStack, run: Callable[[], Figures]) -> Costed:
    """Run a loop and see what it costs."""
    before = _processor_seconds(stack)
    figures = run()
    after = _processor_seconds(stack)
    # The loop's warm-up costs as well, and is a tenth of what was counted.
    asked = figures.requests * 1.1
    spent = {part: (after[part] - before.get(part, 0)) * 1000 / asked for part in after}
    return Costed(figures, {part: each for part, each in spent.items() if each >= MENTIONED_MS})


def _processor_seconds(stack: LocalStack) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for process in stack.family():
        times = process.cpu_times()
        part = _part(process)
        # What ended children of PostgreSQL used is counted with their parent.
        seconds[part] = seconds.get(part, 0) + times.user + times.system
    return seconds


def list_hundred(stack: LocalStack, clients: int) -> Row:
    """A folder of 100 items, without thumbnail addresses."""
    ana = Person.at(stack.url)
    folder = ana.folder("hundred")["id"]
    for number in range(100):
        ana.folder(f"item {number:03}", folder)
    ask = requested(f"{stack.url}/v1/items/{folder}/children?limit=100")
    found = costed(stack, lambda: run_loop(ask, clients=clients, headers=signed_in(ana)))
    reference = constant_answer(stack, clients)
    return http_row(f"list 100 children, {clients} clients", found, reference)


def create_folder(stack: LocalStack, clients: int) -> Row:
    """New folders in one parent."""
    ana = Person.at(stack.url)
    parent = ana.folder("parent")["id"]

    async def create(session: aiohttp.ClientSession, number: int) -> int:
        body = {"parent_id": parent, "name": f"folder {number}"}
        async with session.post(f"{stack.url}/v1/folders", json=body) as answer:
            await answer.read()
            return answer.status

    found = costed(stack, lambda: run_loop(create, clients=clients, headers=signed_in(ana), expect=201))
    reference = constant_answer(stack, clients)
    return http_row(f"create folder, {clients} clients", found, reference)


def rename_folder(stack: LocalStack, clients: int) -> Row:
    """Folders of one parent, each renamed over and over."""
    ana = Person.at(stack.url)
    parent = ana.folder("parent")["id"]
    folders = [ana.folder(f"folder {number}", parent)["id"] for number in range(4 * clients)]

    async def rename(session: aiohttp.ClientSession, number: int) -> int:
        url = f"{stack.url}/v1/items/{folders[number % len(folders)]}"
        async with session.patch(url, json={"name": f"renamed {number}"}) as answer:
            await answer.read()
            return answer.status

    found = costed(stack, lambda: run_loop(rename, clients=clients, headers=signed_in(ana)))
    return http_row(f"rename, {clients} clients", found, constant_answer(stack, clients))


def start_upload(stack: LocalStack, clients: int) -> Row:
    """Uploads that are announced, each with its signed address; nothing is sent."""
    ana = Person.at(stack.url)
    parent = ana.folder("parent")["id"]

    async def start(session: aiohttp.ClientSession, number: int) -> int:
        body = {"parent_id": parent, "name": f"file {number}", "size": 100}
        async with session.post(f"{stack.url}/v1/uploads", json=body) as answer:
            await answer.read()
            return answer.status

    found = costed(stack, lambda: run_loop(start, clients=clients, headers=signed_in(ana), expect=201))
    return http_row(f"start an upload, {clients} clients", found, constant_answer(stack, clients))


def database_alone(stack: LocalStack, clients: int = 8) -> Row:
    """What the database itself can do on these cores: pgbench's smallest write (one update, one insert, no contention)."""
    plain = stack.variables["COFFER_FILES_DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")
    subprocess.run([BIN / "pgbench", "-i", "-q", "-s", "1", plain], check=True, capture_output=True)
    command = [str(BIN / "pgbench"), "-N", "-c", str(clients), "-j", "2", "-T", "4", "-M", "prepared", plain]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    per_second = float(next(line for line in said.splitlines() if line.startswith("tps")).split()[2])
    return Row(f"database alone: pgbench -N, {clients} clients", f"{per_second:,.0f}/s", "is itself a reference", "")


def idle_memory(stack: LocalStack) -> Row:
    """Proportional set size of every process, after everything has come to rest."""
    time.sleep(REST_SECONDS)
    parts: dict[str, float] = {}
    for process in stack.family():
        part = _part(process)
        parts[part] = parts.get(part, 0) + process.memory_full_info().pss / 2**20
    bare = subprocess.Popen([sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()"], stdin=-1, stdout=-1)
    assert bare.stdout is not None
    bare.stdout.read(1)
    empty = psutil.Process(bare.pid).memory_full_info().pss / 2**20
    bare.communicate()
    total = sum(parts.values())
    split = ", ".join(f"{part} {size:.0f}" for part, size in sorted(parts.items(), key=lambda pair: -pair[1]))
    return Row(
        f"idle memory of the whole stack (PSS), {REST_SECONDS} s after its start",
        f"{total:.0f} MiB ({split})",
        f"{empty:.0f} MiB: an empty Python interpreter",
        f"{total / empty:.0f}",
    )


def start_up(stack: LocalStack, rounds: int = 3) -> Row:
    """From the command to the sentence that it serves, with warm disk caches and an existing data folder."""
    stack.stop()
    took = []
    for _ in range(rounds):
        took.append(stack.start())
        stack.stop()
    stack.start()
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import coffer_local.stack"], check=True)
    imports = time.perf_counter() - began
    p50 = statistics.median(took)
    return Row(
        f"start to first answer, p50 of {rounds}",
        f"{p50:.1f} s",
        f"{imports:.1f} s: importing the same code",
        f"{p50 / imports:.1f}",
    )


def _part(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    if "postgres" in line:
        return "PostgreSQL"
    if "launch_ministack" in line:
        return "local cloud"
    if "coffer_media_worker.child" in line:
        return "rendering parent"
    return "services"


def requested(url: str) -> Request:
    """A GET of that address."""

    async def get(session: aiohttp.ClientSession, _number: int) -> int:
        async with session.get(url) as answer:
            await answer.read()
            return answer.status

    return get


def signed_in(person: Person) -> dict[str, str]:
    """The headers of somebody's requests."""
    return {"Authorization": f"Bearer {person.tokens['access_token']}"}


def http_row(what: str, found: Costed, reference: Costed) -> Row:
    """A loop beside its reference."""
    ratio = found.figures.per_second / reference.figures.per_second
    return Row(what, found.cell(), f"{reference.cell()}: a constant answer", f"{ratio:.2f}")
