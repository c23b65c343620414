"""Names for many files at once: who holds them, and which keep-both names are free. As far as one can tell before the bytes
are there: the decisive look comes at commit.
"""

from collections.abc import Mapping
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_contracts.ids import ItemId
from coffer_contracts.problems import KindConflict, NameConflict, Problem
from coffer_files.domain.items import Item
from coffer_files.domain.names import keep_both_names, name_key
from coffer_files.domain.upload_batches import BatchFile
from coffer_files.handlers.folder_paths import Folder
from coffer_files.handlers.naming import FIRST_LOOK, described, free_name
from coffer_files.store.upload_batches import children_at

Place = tuple[ItemId, str]


async def names_for(
    connection: AsyncConnection, files: Mapping[int, tuple[BatchFile, Folder]], used: set[Place]
) -> dict[int, str | Problem]:
    """The name that each file would get, or why it gets none; `used` are those of files of the same batch, and grows. One
    statement, and another one if any name is taken; names that nearly nobody has are looked for one by one.
    """
    wanted = {number: (into.id, name_key(file.name)) for number, (file, into) in files.items()}
    holders = await children_at(connection, {wanted[number] for number, (_, into) in files.items() if not into.is_new})
    names: dict[int, str | Problem] = {}
    contested: dict[int, Item | None] = {}
    for number, (file, _) in files.items():
        holder, place = holders.get(wanted[number]), wanted[number]
        if file.conflict == "replace":
            is_other = holder is not None and holder.kind != "file"
            other = KindConflict("A file cannot replace a folder.", existing=described(holder))
            names[number] = other if is_other else file.name
        elif holder is not None or place in used:
            contested[number] = holder
        else:
            names[number] = file.name
        used.add(place)
    if contested:
        names |= await _beside(connection, files, contested, used)
    return names


async def _beside(
    connection: AsyncConnection,
    files: Mapping[int, tuple[BatchFile, Folder]],
    contested: Mapping[int, Item | None],
    used: set[Place],
) -> dict[int, str | Problem]:
    """For names that are taken: a free one beside it, or the refusal that suggests it."""
    looks = {number: list(islice(keep_both_names(files[number][0].name, "file"), FIRST_LOOK)) for number in contested}
    places = {(files[number][1].id, name_key(name)) for number, some in looks.items() for name in some}
    taken = {*(await children_at(connection, places)), *used}
    names: dict[int, str | Problem] = {}
    for number, holder in contested.items():
        file, into = files[number]
        free = next((name for name in looks[number] if (into.id, name_key(name)) not in taken), None)
        name = free if free is not None else await free_name(connection, into.id, file.name, "file")
        if file.conflict == "rename":
            names[number] = name
            taken.add((into.id, name_key(name)))
            continue
        where = "The folder already holds" if holder is not None else "The batch holds twice"
        held = holder.name if holder is not None else file.name
        names[number] = NameConflict(f"{where} {held!r}.", existing=described(holder), suggested_name=name)
    return names
