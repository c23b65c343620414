"""Keys of sessions in the hands of operators: rotated early, withdrawn, and what becomes of visitors."""

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coffer_chassis import keysets
from coffer_chassis.keysets import BELIEVED_FOR
from coffer_chassis.signing.commands import key_commands
from coffer_chassis.signing.ring import RELOAD_EVERY
from coffer_contracts.problems import Unauthenticated
from coffer_sharing.__main__ import RENEWAL
from coffer_sharing.app import TOPOLOGY
from factories.databases import PostgresServer
from factories.operators import operations_of
from factories.public_links import Doors, verifier_of
from factories.sharing import sharing_on


async def test_a_key_is_rotated_and_dropped_and_its_visitors_come_in_again(
    postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keysets, "PATIENCE_SECONDS", 60)
    async with sharing_on(postgres.database("coffer_sharing")) as sharing:
        doors = Doors(sharing, verifier_of(sharing, tmp_path))
        running: Any = SimpleNamespace(
            deps=sharing.deps, operations=operations_of(TOPOLOGY, sharing.deps.work), work=sharing.deps.work, name="sharing"
        )
        commands = key_commands(RENEWAL)

        async def said(name: str, expected: int = 0, **arguments: str) -> str:
            assert await commands[name].run(running, argparse.Namespace(**arguments)) == expected
            captured = capsys.readouterr()
            return captured.out + captured.err

        link = await doors.made(await sharing.item())
        first = (await sharing.deps.keys.current()).id
        before = await doors.session(link)
        assert first in await said("list-keys")
        assert "Nobody is signed out" in await said("rotate-keys")
        await doors.verifier.verify(before)
        assert "visitors unlock their links again" in await said("drop-key", key=first)
        assert "There is no signing key" in await said("drop-key", expected=1, key=first)
        sharing.clock.advance(seconds=(BELIEVED_FOR + RELOAD_EVERY).total_seconds())
        with pytest.raises(Unauthenticated):
            await doors.verifier.verify(before)
        await doors.verifier.verify(await doors.session(link))
        acts = [fact for fact in await sharing.facts() if fact.type == "sharing.operator.acted.v1"]
        assert [fact.data.action for fact in acts] == ["keys.rotated", "keys.dropped"]
        assert "personal_tokens" not in {one.name for one in acts[1].data.detail}
