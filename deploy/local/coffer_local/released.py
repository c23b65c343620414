"""What has landed of the contracts and never changes: every revision of every type's schema, and the golden messages.

A revision is the bare schema: what is valid, without words about it. It and the golden files are listed with their digests
in contracts/released/digests.txt. `python -m coffer_local.docs --freeze` adds what is new, and nothing here ever takes
away: git says what landed, this says it where there is no history. Runs in a checkout only.
"""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from coffer_contracts.compatibility import bare, breaking_changes
from coffer_contracts.event import Event
from coffer_contracts.schemas import schema_of

GOLDEN = Path("contracts/golden")
RELEASED = Path("contracts/released")
DIGESTS = RELEASED / "digests.txt"

FREEZE = "freeze it with `python -m coffer_local.docs --freeze`"

Revision = dict[str, Any]


def revisions(root: Path) -> dict[str, list[Revision]]:
    """Wire type -> its frozen revisions, oldest first."""
    found: dict[str, dict[int, Revision]] = {}
    for path in (root / RELEASED).glob("*.json"):
        wire_type, _, number = path.stem.rpartition(".")
        found.setdefault(wire_type, {})[int(number)] = json.loads(path.read_text(encoding="utf-8"))
    return {wire_type: [by_number[number] for number in sorted(by_number)] for wire_type, by_number in sorted(found.items())}


def digests(root: Path) -> dict[str, str]:
    """Path below contracts -> SHA-256, as frozen. An empty mapping where nothing was."""
    path = root / DIGESTS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def to_freeze(root: Path, events: Iterable[type[Event]]) -> Mapping[Path, str]:
    """What is new, by path below `root`: revisions that break nothing, golden files, and the list with both added.

    May run any number of times; a second run after the first was written gives the same text.
    """
    frozen = revisions(root)
    pages: dict[Path, str] = {}
    for event in events:
        earlier, now = frozen.get(event.type, []), _revision(event)
        if not earlier or (earlier[-1] != now and not breaking_changes(earlier[-1], now)):
            pages[RELEASED / f"{event.type}.{len(earlier) + 1}.json"] = (
                json.dumps(now, ensure_ascii=False, sort_keys=True) + "\n"
            )
    listed = digests(root)
    known = {name: _digest(path.read_bytes()) for name, path in _files(root)}
    added = {str(path.relative_to("contracts")): _digest(text.encode()) for path, text in pages.items()}
    lines = sorted({**known, **added, **listed}.items())
    pages[DIGESTS] = "".join(f"{digest}  {name}\n" for name, digest in lines)
    return pages


def wrong(root: Path, events: Iterable[type[Event]]) -> list[str]:
    """Why what is in `root` and in the code may not land, one sentence each; empty if it may."""
    current = {event.type: _revision(event) for event in events}
    return [*_changed_files(root), *_broken_revisions(revisions(root), current)]


@cache
def _revision(event: type[Event]) -> Revision:
    return bare(schema_of(event))


def _changed_files(root: Path) -> Iterator[str]:
    listed, found = digests(root), dict(_files(root))
    for name, digest in listed.items():
        if name not in found:
            yield f"{name} is gone"
        elif _digest(found[name].read_bytes()) != digest:
            yield f"{name} was changed"
    for name in found.keys() - listed.keys():
        yield f"{name} is not frozen: {FREEZE}"


def _broken_revisions(frozen: Mapping[str, list[Revision]], current: Mapping[str, Revision]) -> Iterator[str]:
    for wire_type, earlier in frozen.items():
        if wire_type not in current:
            yield f"{wire_type} is gone; messages of it still lie in dead letters and outboxes"
            continue
        # Step by step: what one step allows depends on what readers could do by then.
        steps = itertools.pairwise([*earlier, current[wire_type]])
        broken = [f"{wire_type}: {why}" for old, new in steps for why in breaking_changes(old, new)]
        yield from broken
        if not broken and earlier[-1] != current[wire_type]:
            yield f"{wire_type} has a new revision: {FREEZE}"
    for wire_type in current.keys() - frozen.keys():
        yield f"{wire_type} is new: {FREEZE}"


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for folder in (GOLDEN, RELEASED):
        for path in sorted((root / folder).glob("*.json")):
            yield str(path.relative_to(root / "contracts")), path


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
