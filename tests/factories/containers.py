"""The containers of docker-compose.yml as plain processes: its commands, order, health checks, volumes and secrets.

What a container has and a process has not is in one place, `Machine`: a network, a root folder and an image of its own.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coffer_local.home import Home
from coffer_local.postgres import Postgres
from factories.compose import ROOT, Container, containers, needs_of
from factories.ports import free_port

START_SECONDS = 300
STOP_SECONDS = 30
PROBE_SECONDS = 1.0
"""As in the file: a health check is a process of its own, and more of them would hold up what they wait for."""


@dataclass
class Machine:
    """Where the names, ports, folders and commands of containers are on this machine."""

    folder: Path
    public_port: int = field(default_factory=free_port)
    s3_port: int = field(default_factory=free_port)
    _ports: dict[str, int] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """What an operator would set."""
        return {"COFFER_PORT": str(self.public_port), "COFFER_S3_PORT": str(self.s3_port)}

    def port(self, container: str, inside: int) -> int:
        """The port of this machine for one that a container listens on."""
        published = {"gateway:8080": self.public_port, "ministack:4566": self.s3_port}
        place = f"{container}:{inside}"
        if place not in self._ports:
            self._ports[place] = published.get(place) or free_port()
        return self._ports[place]

    def volume(self, name: str) -> Path:
        """The folder of a volume."""
        path = self.folder / "volumes" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def root(self, one: Container) -> Path:
        """The folder that stands for the root of a container, with its volumes in their places."""
        root = self.folder / "roots" / one.name
        (root / "tmp").mkdir(parents=True, exist_ok=True)
        for path, (volume, _) in one.mounts.items():
            link = root / path.lstrip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(self.volume(volume))
        return root

    def here(self, text: str, one: Container) -> str:
        """A word of the file as it has to be on this machine."""
        known = "|".join(re.escape(name) for name in containers())
        text = re.sub(rf"\b({known}):(\d+)\b", lambda match: f"127.0.0.1:{self.port(match[1], int(match[2]))}", text)
        text = re.sub(r"127\.0\.0\.1:(9000)\b", lambda match: f"127.0.0.1:{self.port(one.name, int(match[1]))}", text)
        roots = ("/secrets", "/run/coffer", "/var/lib/coffer")
        return f"{self.root(one)}{text}" if text.startswith(roots) else {"0.0.0.0": "127.0.0.1"}.get(text, text)

    def environment(self, one: Container) -> dict[str, str]:
        """What the process is started with: nothing of this machine but where programs are."""
        prefix = f"COFFER_{(one.image or '').replace('-', '_').upper()}_"
        listening = {
            "gateway": {
                "COFFER_PORT": str(self.port("gateway", 8080)),
                "COFFER_GATEWAY_INTERNAL_PORT": str(self.port("gateway", 9000)),
            },
            "local": {
                "COFFER_CLOUD_PORT": str(self.port("ministack", 4566)),
                "COFFER_CLOUD_INTERNAL_PORT": str(self.port("ministack", 9000)),
            },
        }.get(
            one.image or "",
            {
                f"{prefix}LISTEN_PORT": str(self.port(one.name, 8000)),
                f"{prefix}INTERNAL_PORT": str(self.port(one.name, 9000)),
                "COFFER_HOME": str(self.root(one) / "tmp"),
                # The network of the containers.
                "COFFER_TRUSTED_PROXIES": '["127.0.0.0/8"]',
            },
        )
        of_the_image = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "COFFER_IMAGE": one.image or ""}
        of_the_checkout = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
        in_the_file = {name: self.here(value, one) for name, value in one.environment.items()}
        return of_the_image | of_the_checkout | in_the_file | listening

    def script(self, one: Container) -> str:
        """The image's entry point, reading the file of this container."""
        text = (ROOT / "deploy" / "docker" / "entrypoint.sh").read_text()
        return text.replace("/run/coffer", f"{self.root(one)}/run/coffer")


class Composed:
    """Started containers. `events` tells in which order they came up."""

    def __init__(self, machine: Machine, found: Mapping[str, Container]) -> None:
        self.machine = machine
        self.found = dict(found)
        self.events: list[str] = []
        self.processes: dict[str, Process] = {}
        self._reached: dict[str, asyncio.Event] = {name: asyncio.Event() for name in found}
        self._postgres: Postgres | None = None
        self._home: Home | None = None

    @property
    def url(self) -> str:
        """Where people reach it."""
        return f"http://127.0.0.1:{self.machine.public_port}"

    async def up(self) -> None:
        """Start everything in the order of the file. Raises AssertionError with what a container said if one fails."""
        try:
            async with asyncio.timeout(START_SECONDS), asyncio.TaskGroup() as tasks:
                for one in self.found.values():
                    tasks.create_task(self._bring_up(one))
        except TimeoutError:
            waiting = {name: self.said(name) for name in self.processes if f"healthy {name}" not in self.events}
            raise AssertionError(f"not up after {START_SECONDS} s: {self.events}; {waiting}") from None

    async def _bring_up(self, one: Container) -> None:
        for name in one.needs:
            await self._reached[name].wait()
        self.events.append(f"start {one.name}")
        if one.image is None:
            await self._start_postgres(one)
        else:
            await self.start(one)
            if one.is_job:
                code = await self.processes.pop(one.name).wait()
                assert code == 0, f"{one.name} ended with {code}: {self.said(one.name)}"
            else:
                await self.healthy(one)
        self.events.append(f"{'done' if one.is_job else 'healthy'} {one.name}")
        self._reached[one.name].set()

    async def start(self, one: Container) -> None:
        """Start the process of a container, without waiting for anything."""
        command = [self.machine.here(word, one) for word in one.command]
        with self._log(one.name).open("ab") as log:
            self.processes[one.name] = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", self.machine.script(one), "entrypoint.sh", *command),
                env=self.machine.environment(one),
                cwd=self.machine.root(one) / "tmp",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def healthy(self, one: Container) -> None:
        """Ask with the file's own health check until it says so."""
        process = self.processes[one.name]
        while not await self.check(one):
            assert process.returncode is None, f"{one.name} ended: {self.said(one.name)}"
            await asyncio.sleep(PROBE_SECONDS)

    async def check(self, one: Container) -> bool:
        """Run the health check of the file once."""
        words = [self.machine.here(word, one) for word in one.probe]
        asked = await asyncio.create_subprocess_exec(
            *words, env=self.machine.environment(one), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await asked.wait() == 0

    async def _start_postgres(self, one: Container) -> None:
        # Somebody else's image: the wheel's server under our own supervisor, with the password that the file names.
        password = (self.machine.root(one) / one.environment["POSTGRES_PASSWORD_FILE"].lstrip("/")).read_text()
        self._home = Home.open(self.machine.folder / "postgres")
        self._postgres = Postgres(self._home, password, port=self.machine.port(one.name, 5432))
        await self._postgres.start()

    def said(self, name: str) -> str:
        """What a container wrote to its log."""
        return self._log(name).read_text()[-3000:]

    def _log(self, name: str) -> Path:
        return self.machine.folder / f"{name}.log"

    async def stop(self, name: str) -> int:
        """What Docker does to stop a container; its exit code. Raises AssertionError if it takes too long."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            raise AssertionError(f"{name} did not stop: {self.said(name)}") from None

    async def kill(self, name: str) -> None:
        """End a container at once, with everything in it."""
        process = self.processes.pop(name)
        process.kill()
        await process.wait()

    async def down(self) -> dict[str, int]:
        """Stop everything, whoever is needed after those that need it; the exit codes."""
        codes: dict[str, int] = {}
        while left := [name for name in self.processes if name in self.found]:
            needed = {below for name in left for below in needs_of(self.found, name)}
            free = [name for name in left if name not in needed]
            codes |= dict(zip(free, await asyncio.gather(*map(self.stop, free)), strict=True))
        return codes

    async def end(self) -> None:
        """Leave nothing running, whatever happened."""
        for name in list(self.processes):
            with contextlib.suppress(ProcessLookupError):
                await self.kill(name)
        if self._postgres is not None:
            await self._postgres.stop()
        if self._home is not None:
            self._home.close()


@contextlib.asynccontextmanager
async def composed(folder: Path) -> AsyncIterator[Composed]:
    """Everything that docker-compose.yml names, up and healthy; nothing of it is left at the end."""
    machine = Machine(folder)
    running = Composed(machine, containers(machine.variables))
    try:
        await running.up()
        yield running
    finally:
        await running.end()
