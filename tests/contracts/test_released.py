"""What has landed stays: the gate, and that it bites. It needs no history, so it holds in any clone and any archive."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import jsonschema
import pytest

from coffer_contracts.catalog import MESSAGES, READABLE, parse
from coffer_contracts.event import Event, Moment, described
from coffer_contracts.files import ItemFact
from coffer_contracts.ids import GrantId, ItemId, UserId
from coffer_contracts.sharing import GrantRemovedV1
from coffer_contracts.words import Open
from coffer_local.released import DIGESTS, GOLDEN, RELEASED, digests, revisions, to_freeze, wrong
from factories.golden import GOLDEN as GOLDEN_FILES
from factories.golden import ROOT, wire_type
from factories.released import commits, committed

REMOVED = "sharing.grant.removed.v1"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The frozen part of the repository, as it is after an archive of it was unpacked: no history."""
    for folder in (GOLDEN, RELEASED):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_what_stands_here_may_land() -> None:
    assert wrong(ROOT, MESSAGES) == []


def test_every_revision_that_landed_is_listed_for_ever() -> None:
    listed = digests(ROOT)
    for commit in commits():
        for path, content in committed(commit, str(RELEASED)):
            if path == DIGESTS:
                for line in content.decode().splitlines():
                    digest, _, name = line.partition("  ")
                    assert listed.get(name) == digest, f"{name} of {commit}"


def test_the_newest_messages_fit_the_schemas_of_the_revision_before() -> None:
    """A reader that is one release behind."""
    frozen = revisions(ROOT)
    for path in GOLDEN_FILES:
        for revision in frozen[wire_type(path)][-2:]:
            jsonschema.Draft202012Validator(revision).validate(json.loads(path.read_text()))


def test_every_type_ever_released_has_frozen_messages_that_this_release_reads() -> None:
    shown = {wire_type(ROOT / name) for name in digests(ROOT) if name.startswith("golden/")}
    assert set(revisions(ROOT)) == shown == set(READABLE)
    for name in digests(ROOT):
        if name.startswith("golden/"):
            parse((ROOT / "contracts" / name).read_bytes())


def without(*gone: type[Event]) -> list[type[Event]]:
    return [event for event in MESSAGES if event not in gone]


class Grant(Event):
    """The fact that is changed here, as it landed."""

    type: ClassVar[str] = REMOVED

    grant_id: GrantId = described(description="Landed.")
    item_id: ItemId = described(description="Landed.")
    owner_id: UserId = described(description="Landed.")
    grantee: str = described(description="Landed.")
    reason: str = described(description="Landed.")

    @property
    def subject(self) -> str:
        return f"grant/{self.grant_id}"


class Same(GrantRemovedV1):
    """Other words about it, and nothing else."""


class Longer(GrantRemovedV1):
    """Otherwise as it landed."""

    note: str | None = described(None, description="New, with a default.")


class Renamed(Grant):
    """Otherwise as it landed."""

    ended_at: Moment = described(description="A new name.")


class Narrowed(GrantRemovedV1):
    """Otherwise as it landed."""

    reason: str = described(description="Landed.", max_length=10)


class Retyped(GrantRemovedV1):
    """Otherwise as it landed."""

    reason: int = described(description="Landed.")  # type: ignore[assignment]  # what is refused here


class Demanding(GrantRemovedV1):
    """Otherwise as it landed."""

    note: str = described(description="New, without a default.")


class Closed(GrantRemovedV1):
    """Otherwise as it landed."""

    reason: Literal["revoked", "left"] = described(description="Landed.")


class Forgetful(GrantRemovedV1):
    """Otherwise as it landed."""

    reason: str | None = described(None, description="Landed.")  # type: ignore[assignment]  # what is refused here


BREAKS: dict[str, tuple[type[Event], str]] = {
    "a field is removed": (Grant, "data.removed_at was removed"),
    "a field is renamed": (Renamed, "data.removed_at was removed"),
    "a field is narrowed": (Narrowed, "data.reason: `maxLength` was added"),
    "a field has another type": (Retyped, "data.reason: `type` changed"),
    "a field is demanded": (Demanding, "data.note was added without a default"),
    "a text becomes an enumeration": (Closed, "data.reason: `enum` was added"),
    "a field may be absent": (Forgetful, "data.reason"),
}


@pytest.mark.parametrize(("event", "why"), BREAKS.values(), ids=BREAKS.keys())
def test_nothing_lands_when(clone: Path, event: type[Event], why: str) -> None:
    events = [*without(GrantRemovedV1), event]
    told = wrong(clone, events)
    assert any(line.startswith(f"{REMOVED}: {why}") for line in told), told
    assert RELEASED / f"{REMOVED}.{len(revisions(clone)[REMOVED]) + 1}.json" not in to_freeze(clone, events)


def test_a_type_may_not_go() -> None:
    assert [line for line in wrong(ROOT, without(GrantRemovedV1)) if line.startswith(f"{REMOVED} is gone")]


@pytest.mark.parametrize("event", [Same, Longer])
def test_what_breaks_nothing_lands_once_it_is_frozen(clone: Path, event: type[Event]) -> None:
    events = [*without(GrantRemovedV1), event]
    assert bool(wrong(clone, events)) == (event is Longer)
    freeze(clone, events)
    assert wrong(clone, events) == []
    assert len(revisions(clone)[REMOVED]) - len(revisions(ROOT)[REMOVED]) == (event is Longer)


def test_what_was_frozen_cannot_be_taken_back(clone: Path) -> None:
    freeze(clone, [*without(GrantRemovedV1), Longer])
    assert f"{REMOVED}: data.note was removed" in wrong(clone, MESSAGES)


def test_words_may_come_once_an_enumeration_was_opened_and_not_before(clone: Path) -> None:
    class Open1(GrantRemovedV1):
        """Otherwise as it landed."""

        kind: Annotated[Literal["a", "b"], Open("b")] | None = described(None, description="New.")

    class Open2(GrantRemovedV1):
        """Otherwise as it landed."""

        kind: Annotated[Literal["a", "b", "c"], Open("b")] | None = described(None, description="New.")

    first: list[type[Event]] = [*without(GrantRemovedV1), Open1]
    second: list[type[Event]] = [*without(GrantRemovedV1), Open2]
    for events in (first, second):
        freeze(clone, events)
        assert wrong(clone, events) == []
    assert any("the value 'c' was removed" in line for line in wrong(clone, first))


@pytest.mark.parametrize("name", [f"golden/{REMOVED}.json", f"released/{REMOVED}.1.json"])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_text(path.read_text() + " ")], ids=["gone", "changed"])
def test_a_frozen_file_may_neither_go_nor_change(clone: Path, name: str, harm: Callable[[Path], Any]) -> None:
    harm(clone / "contracts" / name)
    told = wrong(clone, MESSAGES)
    assert {f"{name} is gone", f"{name} was changed"} & set(told)
    freeze(clone, MESSAGES)
    assert {f"{name} is gone", f"{name} was changed"} & set(wrong(clone, MESSAGES)), "freezing again must not make it right"


def test_a_new_message_is_frozen_with_the_rest(clone: Path) -> None:
    new = clone / GOLDEN / f"{REMOVED}.odd.json"
    new.write_text((clone / GOLDEN / f"{REMOVED}.json").read_text())
    (told,) = wrong(clone, MESSAGES)
    assert told.startswith(f"golden/{REMOVED}.odd.json is not frozen")
    freeze(clone, MESSAGES)
    assert wrong(clone, MESSAGES) == []


def test_a_type_that_is_new_is_frozen_with_the_rest(clone: Path) -> None:
    class ThingMadeV1(ItemFact):
        """A fact that no release knew."""

        type: ClassVar[str] = "files.thing.made.v1"

    events: list[type[Event]] = [*MESSAGES, ThingMadeV1]
    assert [line for line in wrong(clone, events) if line.startswith("files.thing.made.v1 is new")]
    freeze(clone, events)
    assert wrong(clone, events) == []


def test_freezing_twice_is_freezing_once(clone: Path) -> None:
    freeze(clone, MESSAGES)
    before = {path: path.read_bytes() for path in (clone / "contracts").rglob("*") if path.is_file()}
    freeze(clone, MESSAGES)
    assert {path: path.read_bytes() for path in (clone / "contracts").rglob("*") if path.is_file()} == before


def freeze(root: Path, events: list[type[Event]] | tuple[type[Event], ...]) -> None:
    for path, text in to_freeze(root, events).items():
        (root / path).write_text(text, encoding="utf-8")
