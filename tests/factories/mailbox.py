"""A whole Coffer in this process, because only whoever started the local cloud may look at the mail that it was given."""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from coffer_chassis.testing import eventually
from coffer_local.stack import Options, Stack
from factories.memory import in_memory
from factories.ports import free_port

Letters = Callable[[], Awaitable[list[dict[str, Any]]]]


@asynccontextmanager
async def stack_here() -> AsyncIterator[Stack]:
    """A running Coffer in this process."""
    before, stopping = dict(os.environ), asyncio.Event()
    with tempfile.TemporaryDirectory(prefix="coffer-e2e-", dir=in_memory(), ignore_cleanup_errors=True) as folder:
        await asyncio.to_thread(Path(folder).chmod, 0o711)
        stack = Stack(Options(home=Path(folder) / "home", port=free_port()))
        try:
            async for _ in stack.run(stopping):
                yield stack
                stopping.set()
        finally:
            os.environ.clear()
            os.environ.update(before)


@asynccontextmanager
async def coffer_with_mail() -> AsyncIterator[tuple[Letters, str]]:
    """A running Coffer: the mail that its local SES was given, and where it answers."""
    async with stack_here() as stack:

        async def letters() -> list[dict[str, Any]]:
            return await stack._cloud.ses_messages()  # nobody but the launcher has the secret for it

        yield letters, f"http://127.0.0.1:{stack.options.port}"


async def letter_with(letters: Letters, words: str, at_least: int = 1) -> list[dict[str, Any]]:
    """The letters that say this, e.g. an address, once there are so many."""

    async def found() -> list[dict[str, Any]]:
        wanted = [letter for letter in await letters() if words in str(letter)]
        return wanted if len(wanted) >= at_least else []

    return await eventually(found, within_seconds=60)


async def link(letters: Letters, place: str, to: str = "") -> str:
    """The secret of the newest link to that place in the web app, as it stands in a letter to that address."""

    async def found() -> str:
        told = [str(letter) for letter in await letters()]
        texts = [text.replace("=\\r\\n", "").replace("=\\n", "").replace("=3D", "=") for text in told if to in text]
        secrets = [match[1] for text in texts for match in re.finditer(rf"{place}#token=(cof_mail_[A-Za-z0-9_-]{{43}})", text)]
        return secrets[-1] if secrets else ""

    return await eventually(found, within_seconds=60)


async def token_of(http: httpx.AsyncClient, login: str, password: str) -> str:
    """An access token of a new session."""
    answer = await http.post("/v1/auth/login", json={"login": login, "password": password})
    assert answer.status_code == 200, answer.text
    access: str = answer.json()["access_token"]
    return access
