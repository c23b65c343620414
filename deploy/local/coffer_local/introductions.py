"""Tells services that join an installation what there is already: whatever others keep copies of is told again, once.

A release may bring a service that was not there before. Its store is empty while those of others are not, and the facts that
would have filled its copies were published before it had a queue.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from coffer_chassis.service import Service
from coffer_chassis.snapshots import restate_all
from coffer_local.home import write_private

MARK = "introductions-due"

log = structlog.get_logger(__name__)


async def note_newcomers(home: Path, urls: Mapping[str, str]) -> None:
    """Remember, durably, if a service is new among others that are not. To run before the stores are migrated: afterwards
    all look alike. May run twice.
    """
    has_store = {name: await _is_migrated(url) for name, url in urls.items()}
    if any(has_store.values()) and not all(has_store.values()):
        newcomers = sorted(name for name, known in has_store.items() if not known)
        write_private(home / MARK, ("\n".join(newcomers) + "\n").encode())


async def introduce(home: Path, services: Iterable[Service]) -> int:
    """Tell everything again if a newcomer waits for it; how many facts. While relays run; may run twice, and what failed in
    between is told at the next start.
    """
    if not (home / MARK).exists():
        return 0
    newcomers = (home / MARK).read_text().split()
    count = 0
    for service in services:
        count += sum((await restate_all(service.work, service.snapshots)).values())
    (home / MARK).unlink()
    log.info("introduced", newcomers=newcomers, facts=count)
    return count


async def _is_migrated(url: str) -> bool:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return bool((await connection.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL"))).scalar_one())
    finally:
        await engine.dispose()
