"""Virus scanners for tests: one that speaks clamd's protocol as it is told to, and Debian's, with a signature of our own."""

import asyncio
import contextlib
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from factories import images

CLAMD = shutil.which("clamd")


@dataclass
class Double:
    """A server that takes INSTREAM and answers `reply`; what it was sent stands in `files`. None answers nothing."""

    reply: bytes | None = b"stream: OK\0"
    takes: int = 1 << 30
    """So many bytes; then it answers at once and hears no more."""
    files: list[bytes] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        content = b""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            while (length := int.from_bytes(await reader.readexactly(4))) and len(content) < self.takes:
                self.pieces.append(length)
                content += await reader.readexactly(length)
            self.files.append(content)
            if self.reply is None:
                await reader.read()
            else:
                writer.write(self.reply)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def double_at(path: Path, double: Double) -> AsyncIterator[str]:
    """The address of the double on a Unix socket."""
    server = await asyncio.start_unix_server(double.serve, path)
    try:
        yield f"unix:{path}"
    finally:
        server.close()


async def _listens(socket: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def clamd_at(folder: Path) -> AsyncIterator[str]:
    """The address of Debian's clamd, which knows the EICAR string alone, as `Coffer.Test`, and takes 1 MiB."""
    assert CLAMD is not None
    test = images.eicar()
    digest = hashlib.md5(test, usedforsecurity=False).hexdigest()
    (folder / "coffer.hdb").write_text(f"{digest}:{len(test)}:Coffer.Test\n", "ascii")
    socket, config = folder / "clamd.ctl", folder / "clamd.conf"
    lines = {"LocalSocket": socket, "DatabaseDirectory": folder, "TemporaryDirectory": folder, "Foreground": "yes"}
    config.write_text("".join(f"{name} {value}\n" for name, value in (lines | {"StreamMaxLength": "1M"}).items()), "utf-8")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(CLAMD, "--config-file", str(config), stdout=quiet, stderr=quiet)
    try:
        async with asyncio.timeout(60):
            while not await _listens(socket):
                assert process.returncode is None, "clamd ended"
                await asyncio.sleep(0.05)
        yield f"unix:{socket}"
    finally:
        process.terminate()
        await process.wait()
