"""A file that is moved or renamed onto another: the one in its way goes to the trash."""

from typing import Any

import pytest

from coffer_chassis.access import EDITOR, Rights
from coffer_chassis.etags import Conditions
from coffer_contracts.problems import Forbidden, KindConflict, NameConflict, Problem
from coffer_files.handlers.items import Wish, change_item, find_item, make_folder
from coffer_files.handlers.trash import restore_item
from factories.files import Files, granted, origin_of, person


async def folder(files: Files, name: str, parent: str = "root", **more: Any) -> Any:
    more = {"conflict": "fail", **more}
    made, _ = await make_folder(files.deps, files.owner, files.origin, None, parent=parent, name=name, **more)
    return made.at.item.id


async def change(files: Files, item_id: Any, who: Any = None, **wish: Any) -> Any:
    who = who or files.owner
    return await change_item(files.deps, who, origin_of(who), item_id, Wish(**wish), Conditions())


async def test_the_file_in_the_way_can_be_taken_back_from_the_trash(files: Files) -> None:
    target = await folder(files, "target")
    old = (await files.upload("report.pdf", parent=target)).item_id
    new = (await files.upload("REPORT.pdf", 70)).item_id
    assert old is not None
    with pytest.raises(NameConflict):
        await change(files, new, parent=target)
    moved = await change(files, new, parent=target, conflict="replace")
    assert (moved.at.item.id, moved.at.item.name, moved.at.item.parent_id) == (new, "REPORT.pdf", target)
    gone = await find_item(files.deps, files.owner, files.origin, old, in_trash=True)
    assert (gone.at.item.trashed_at is not None, gone.at.item.name) == (True, "report.pdf")
    back = await restore_item(files.deps, files.owner, files.origin, old, parent=None, conflict="rename")
    assert (back.at.item.name, back.at.item.parent_id) == ("report (1).pdf", target)
    told = [fact.type for fact in await files.facts() if fact.subject in {f"item/{old}", f"item/{new}"}]
    assert told[-3:] == ["files.item.trashed.v1", "files.item.changed.v1", "files.item.restored.v1"]
    assert (await files.drive()).used_bytes == 170


async def test_only_a_file_replaces_a_file(files: Files) -> None:
    file = (await files.upload("a")).item_id
    one = await folder(files, "one")
    for item_id, name in ((file, "one"), (one, "a")):
        with pytest.raises(KindConflict) as refusal:
            await change(files, item_id, name=name, conflict="replace")
        assert refusal.value.extensions["existing"]
    with pytest.raises(KindConflict):
        await folder(files, "ONE", conflict="replace")
    assert await folder(files, "free", conflict="replace")


async def test_a_new_spelling_of_its_own_name_replaces_nothing(files: Files) -> None:
    file = (await files.upload("a.txt")).item_id
    changed = await change(files, file, name="A.TXT", conflict="replace")
    assert (changed.at.item.name, changed.at.item.trashed_at) == ("A.TXT", None)


async def test_whoever_may_not_delete_what_is_in_the_way_replaces_nothing(files: Files) -> None:
    writer, editor = person(), person()
    shared = await folder(files, "shared")
    old, new = [(await files.upload(name, parent=shared)).item_id for name in ("old", "new")]
    for who, rights in ((writer, Rights.READ | Rights.WRITE), (editor, EDITOR)):
        await files.handle(granted(shared, files.owner, who, rights))
    with pytest.raises(Forbidden):
        await change(files, new, writer, name="old", conflict="replace")
    assert (await change(files, new, editor, name="old", conflict="replace")).at.item.id == new
    with pytest.raises(Problem):
        await find_item(files.deps, files.owner, files.origin, str(old))
