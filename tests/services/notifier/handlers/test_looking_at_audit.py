"""`python -m coffer_notifier audit`: what it prints, and how it ends."""

import argparse
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from coffer_chassis.testing import FixedClock
from coffer_notifier import __main__ as program
from coffer_notifier.handlers.chaining import anchor_days, chain_new
from factories.databases import Database
from factories.notifier import Notifier, notifier_on
from factories.telling import signed_in, user_id


@pytest.fixture
async def fresh(database: Database) -> AsyncIterator[Notifier]:
    """The notifier with two days of an audit of its own."""
    async with notifier_on(database("coffer_notifier"), clock=FixedClock(datetime(2020, 3, 1, tzinfo=UTC))) as service:
        for _ in range(2):
            await service.handle(*(signed_in(user_id()) for _ in range(3)))
            await chain_new(service.deps)
            service.clock.advance(days=1)
            await anchor_days(service.deps)
        yield service


async def run(notifier: Notifier, *words: str) -> int:
    parser = argparse.ArgumentParser()
    program.audit_arguments(parser)
    service: Any = SimpleNamespace(deps=notifier.deps, work=notifier.deps.work)
    return await program.look_at_audit(service, parser.parse_args(words))


async def broken(notifier: Notifier, statement: str) -> None:
    async with notifier.engine.begin() as connection:
        for table in ("audit_entries", "audit_chain"):
            await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        await connection.execute(text(statement))


async def test_what_is_whole_is_called_so(fresh: Notifier, capsys: pytest.CaptureFixture[str]) -> None:
    await fresh.handle(signed_in(user_id()))
    assert await run(fresh, "verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "6 entries from position 1 to 6; 1 wait for their place."
    assert lines[1].startswith("Head: 6:")
    assert lines[-1] == "All is as it was written."


async def test_what_was_changed_is_named(fresh: Notifier, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = await fresh.rows("SELECT entry_id FROM audit_chain WHERE position = 2")
    await broken(fresh, f"UPDATE audit_entries SET agent = 'another' WHERE id = '{row.entry_id}'")
    assert await run(fresh, "verify") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"changed: position 2, entry {row.entry_id}: does not say what was written"
    assert lines[-1] == "1 things are not as they were written."


async def test_what_was_kept_elsewhere_is_compared(fresh: Notifier, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert await run(fresh, "anchors") == 0
    printed = capsys.readouterr().out
    assert [json.loads(line)["position"] for line in printed.splitlines()] == [3, 6]
    kept = tmp_path / "anchors"
    kept.write_text(printed)
    assert await run(fresh, "verify", "--anchors-file", str(kept)) == 0
    await broken(fresh, "DELETE FROM audit_entries WHERE id IN (SELECT entry_id FROM audit_chain WHERE position > 4)")
    await broken(fresh, "DELETE FROM audit_chain WHERE position > 4")
    async with fresh.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_anchors DISABLE TRIGGER USER"))
        await connection.execute(text("DELETE FROM audit_anchors WHERE position > 4"))
    assert await run(fresh, "verify") == 0, "it cannot know"
    capsys.readouterr()
    assert await run(fresh, "verify", "--anchors-file", str(kept)) == 1
    assert "anchor: position 6" in capsys.readouterr().out
    assert await run(fresh, "verify", "--anchor", f"6:{'A' * 64}") == 1


@pytest.mark.parametrize("content", ["no JSON", '{"position": 1}', "[1]", '{"position": "x", "hash": ""}'])
async def test_anchors_that_cannot_be_read_are_refused_in_a_sentence(
    fresh: Notifier, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str
) -> None:
    (tmp_path / "anchors").write_text(content)
    assert await run(fresh, "verify", "--anchors-file", str(tmp_path / "anchors")) == 2
    assert await run(fresh, "verify", "--anchors-file", str(tmp_path / "none")) == 2
    assert "cannot be read" in capsys.readouterr().err
    for bad in ("6", "x:y", f"-1:{'a' * 64}"):
        with pytest.raises(SystemExit):
            await run(fresh, "verify", "--anchor", bad)


async def test_an_export_from_a_shell_is_an_act_of_whoever_gave_the_command(
    fresh: Notifier, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert await run(fresh, "export") == 0
    lines = capsysbinary.readouterr().out.splitlines()
    assert [json.loads(line)["position"] for line in lines] == [1, 2, 3, 4, 5, 6]
    (told,) = await fresh.rows("SELECT body FROM outbox")
    assert '"actorid":"shell/' in told.body
    assert "audit.exported" in told.body
