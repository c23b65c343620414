"""A store that the release before invitations wrote: addresses of people become digests, and what was shared stays."""

import shutil
from importlib.resources import files as resources
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_chassis.ids import new_id
from coffer_chassis.migrations import schema_differences
from coffer_chassis.schema import migrate
from coffer_sharing.handlers.settling import key_addresses
from coffer_sharing.store.people import holders_of
from coffer_sharing.store.tables import metadata
from factories.databases import PostgresServer
from factories.sharing import sharing_on

LAST = "0003"
PERSON = """
INSERT INTO people (user_id, username, username_key, display_name, email, email_verified, locale, status, sequence)
VALUES (:user, :name, :name, :name, :email, :proved, 'en', :status, 3)
"""


async def before(postgres: PostgresServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    target = folder / "coffer_sharing_once" / "migrations" / "versions"
    target.mkdir(parents=True)
    (folder / "coffer_sharing_once" / "__init__.py").touch()
    for revision in resources("coffer_sharing").joinpath("migrations", "versions").iterdir():
        if revision.name.endswith(".py") and revision.name[:4] <= LAST:
            shutil.copy(str(revision), target)
    monkeypatch.syspath_prepend(str(folder))
    url = postgres.empty()
    await migrate(url, "coffer_sharing_once")
    return url


async def test_proved_addresses_are_digested_and_no_address_is_left(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await before(postgres, tmp_path, monkeypatch)
    people = [
        {"user": new_id(), "name": "ada", "email": "Ada@example.org", "proved": True, "status": "active"},
        {"user": new_id(), "name": "bob", "email": "bob@example.org", "proved": False, "status": "active"},
        {"user": new_id(), "name": "eve", "email": "eve@example.org", "proved": True, "status": "deleted"},
    ]
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text(PERSON), people)
    for _ in range(2):
        await migrate(url, "coffer_sharing")
    assert await schema_differences(url, metadata) == []
    async with engine.begin() as connection:
        marked = (await connection.execute(text("SELECT username FROM people WHERE look_at IS NOT NULL"))).all()
    await engine.dispose()
    assert marked == [("eve",)], "shares of accounts that were closed before are looked at"
    async with sharing_on(url) as sharing:
        [early] = await sharing.invite(await sharing.item(), "Ada@EXAMPLE.org")
        await sharing.settle_all()
        assert await sharing.facts(f"share/{early.invitation.id}") == [], "no digest has been made of her address yet"
        assert [await key_addresses(sharing.deps) for _ in range(2)] == [1, 0]
        await sharing.settle_all()
        assert (await sharing.facts(f"share/{early.invitation.id}"))[0].data.recipient_id == people[0]["user"]
        rows = await sharing.rows("SELECT to_jsonb(people)::text FROM people")
        assert not any("@" in row[0] for row in rows)
        async with sharing.deps.work.read() as connection:
            found = [await holders_of(connection, sharing.deps.addresses.key_of(str(one["email"]).lower())) for one in people]
        assert found == [[people[0]["user"]], [], []]
        [shown] = await sharing.invite(await sharing.item(), "ADA@example.org")
        await sharing.settle_all()
        assert (await sharing.facts(f"share/{shown.invitation.id}"))[0].data.recipient_id == people[0]["user"]
