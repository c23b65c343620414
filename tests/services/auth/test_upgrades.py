"""A store of the first release, with people in it, brought to today's tables."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

import coffer_auth
from coffer_auth.handlers import emails, sessions
from coffer_auth.handlers.cleaning import jobs
from coffer_auth.handlers.sessions import Login
from coffer_auth.store.tables import METADATA
from coffer_auth.tokens import digest_of
from coffer_chassis.ids import new_id
from coffer_chassis.migrations import schema_differences
from coffer_chassis.schema import migrate
from factories.accounts import HOME, PASSWORD, auth_deps, origin, settle
from factories.databases import PostgresServer
from factories.signed_in import SignedIn

FILLED = """
INSERT INTO users (id, username, username_key, email, email_key, display_name, locale, status, created_at, changed_at) VALUES
    (:user, 'Ada', 'ada', 'Ada@example.org', 'ada@example.org', 'Ada', 'en', 'active', now(), now()),
    (:gone, 'bob', 'bob', 'bob@example.org', 'bob@example.org', 'Bob', 'en', 'deleted', now(), now());
INSERT INTO passwords (user_id, hash, changed_at) VALUES (:user, :hashed, now());
INSERT INTO sessions (id, user_id, created_at, last_seen_at, expires_at)
    VALUES (:session, :user, now(), now(), now() + interval '30 days');
INSERT INTO refresh_tokens (digest, session_id, issued_at, expires_at)
    VALUES (:digest, :session, now(), now() + interval '30 days')
"""
FIRST = ("0001_first.py", "0002_operators.py")


async def first_release(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store as the first release had it."""
    revisions = folder / "coffer_auth_once" / "migrations" / "versions"
    revisions.mkdir(parents=True)
    (folder / "coffer_auth_once" / "__init__.py").touch()
    for name in FIRST:
        shutil.copy(Path(coffer_auth.__file__).parent / "migrations" / "versions" / name, revisions)
    monkeypatch.syspath_prepend(str(folder))
    await migrate(url, "coffer_auth_once")


async def test_people_of_the_first_release_sign_in_refresh_and_prove_their_address(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, user_id, session_id, gone_id = postgres.empty(), new_id(), new_id(), new_id()
    await first_release(url, tmp_path, monkeypatch)
    async with auth_deps(url) as deps:
        hashed = await deps.hashing.hash(PASSWORD)
    statements = FILLED.strip().split(";")
    values = {"user": user_id, "gone": gone_id, "session": session_id, "hashed": hashed, "digest": digest_of("kept")}
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for statement in statements:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), used)
    await engine.dispose()
    for _ in range(2):
        await migrate(url, "coffer_auth")
    assert await schema_differences(url, METADATA) == []
    async with auth_deps(url) as deps:
        assert (await sessions.refresh("kept", HOME, origin(), deps)).session.id == session_id
        for login in ("ada", "ADA@example.org"):
            pair = await sessions.login(Login(login, PASSWORD, None, HOME), origin(), deps)
        assert (pair.user.id, pair.user.email_verified, pair.user.quota_bytes, pair.user.photo) == (user_id, False, None, None)
        ada = SignedIn(pair.user, pair)
        await emails.resend_verification(ada.principal, HOME, ada.origin, deps)
        assert await settle(deps) == 1
        for job in jobs(deps):
            await job.run()
        assert (await sessions.refresh(pair.refresh_token, HOME, origin(), deps)).user.id == user_id
