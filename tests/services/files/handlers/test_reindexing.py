"""What search reads can be made anew from the items and the bucket."""

import argparse
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from coffer_files.__main__ import EXTRAS, reindex_arguments
from coffer_files.domain.searching import Query
from coffer_files.handlers import reindexing
from coffer_files.handlers.reindexing import Reindexed, reindex
from coffer_files.handlers.searching import Asked, search
from coffer_files.handlers.texts import text_key
from factories.files import Files, cleared, stored


async def names(files: Files, asked: str) -> list[str]:
    result = await search(files.deps, files.owner, Asked(Query.parse(asked)))
    return [one.seen.at.item.name for one in result.found]


async def document(files: Files, name: str, content: bytes) -> Any:
    upload = await files.start(name)
    await files.handle(stored(upload), cleared(upload, mime_type="application/pdf", media_kind="document"))
    await files.blobs.write(text_key(upload.blob_id), content, content_type="text/plain")
    return upload


async def spoil_names(files: Files) -> None:
    """As if an older PostgreSQL, which knew fewer characters, had made the keys: the column is taken for an ordinary one while
    they are written.
    """
    column = "WHERE attrelid = 'items'::regclass AND attname = 'search_key'"
    for statement in (
        f"UPDATE pg_attribute SET attgenerated = '' {column}",
        f"UPDATE items SET search_key = 'old' WHERE owner_id = '{files.owner.user_id}'",
        f"UPDATE pg_attribute SET attgenerated = 's' {column}",
    ):
        async with files.engine.begin() as connection:
            await connection.execute(text(statement))


async def test_names_and_texts_are_found_again_page_by_page(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "PAGE", 2)
    monkeypatch.setattr(reindexing, "TEXT_PAGE", 2)
    for number in range(5):
        await document(files, f"Café {number}.pdf", f"word{number} common".encode())
    await spoil_names(files)
    assert await names(files, "cafe") == []
    assert await names(files, "common") == []
    report = await reindex(files.deps, Reindexed())
    assert report.texts_read == 5
    assert len(await names(files, "common")) == 5
    assert await names(files, "word3") == ["Café 3.pdf"]
    assert report.names_changed >= 6
    again = await reindex(files.deps, Reindexed())
    assert (again.names_changed, again.texts_read) == (0, 0)
    assert again.names_seen >= 6
    everything = await reindex(files.deps, Reindexed(item=again.item), everything=True)
    assert (everything.names_seen, everything.texts_read) == (0, 5)


async def test_the_command_says_what_it_did_and_goes_on_where_it_is_told(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    upload = await document(files, "command.pdf", b"spoken")
    parser = argparse.ArgumentParser()
    reindex_arguments(parser)
    service: Any = SimpleNamespace(deps=files.deps)
    behind = parser.parse_args(["--after-object", upload.blob_id, "--everything"])
    assert await EXTRAS["reindex"].run(service, behind) == 0
    assert "texts read: 0." in capsys.readouterr().out
    assert await EXTRAS["reindex"].run(service, parser.parse_args([])) == 0
    assert "texts read: 1." in capsys.readouterr().out
    assert await names(files, "spoken") == ["command.pdf"]


async def test_pictures_are_not_asked_for_a_text(files: Files) -> None:
    upload = await files.upload("picture.jpg")
    await files.blobs.write(text_key(upload.blob_id), b"hidden", content_type="text/plain")
    await reindex(files.deps, Reindexed(), everything=True)
    assert await names(files, "hidden") == []
