"""Facts with words of a later release, as files takes them: the upload goes on, and what is told further is understood."""

from typing import Any

from sqlalchemy import select

from coffer_files.store.tables import versions
from factories.files import Files, cleared, stored
from factories.later import from_a_later_release


async def test_a_kind_of_media_that_nobody_knows_is_committed_as_other(files: Files) -> None:
    upload = await files.start()
    verdict: Any = from_a_later_release(cleared(upload), media_kind="hologram", actorkind="robot")
    await files.handle(stored(upload), verdict)
    done = await files.now(upload)
    assert done.state == "committed"
    [row] = await files.rows(select(versions.c.media_kind).where(versions.c.id == done.version_id))
    assert row == ("other",)
    [fact] = [fact for fact in await files.facts() if fact.subject == f"item/{done.item_id}"]
    assert (fact.data.content.media_kind, fact.actorkind) == ("other", "user")
