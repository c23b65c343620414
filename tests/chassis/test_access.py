"""The resolver of rights: a table of cases, and rules that hold for any set of grants."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.access import EDITOR, VIEWER, Grant, Place, Rights, rights_named, rights_on, words_of
from coffer_contracts.ids import ItemId, UserId

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
ROOT, FOLDER, FILE, OTHER = ItemId("root"), ItemId("folder"), ItemId("file"), ItemId("other")
PLACE = Place(FILE, UserId("owner"), (ROOT, FOLDER))
ANN, BOB, LINK = "user/ann", "user/bob", "link/1"


@pytest.mark.parametrize(
    ("grantee", "grants", "rights"),
    [
        pytest.param("user/owner", [], Rights.OWN, id="the owner needs no grant"),
        pytest.param("user/owner", [Grant("user/owner", FILE, VIEWER)], Rights.OWN, id="no grant makes the owner's less"),
        pytest.param("link/owner", [], Rights.NONE, id="a link is not the user of the same id"),
        pytest.param(ANN, [], Rights.NONE, id="a stranger has none"),
        pytest.param(ANN, [Grant(ANN, FILE, VIEWER)], VIEWER, id="on the item"),
        pytest.param(ANN, [Grant(ANN, FOLDER, EDITOR)], EDITOR, id="on its folder"),
        pytest.param(ANN, [Grant(ANN, ROOT, VIEWER)], VIEWER, id="on the root"),
        pytest.param(ANN, [Grant(ANN, OTHER, EDITOR)], Rights.NONE, id="on something else"),
        pytest.param(ANN, [Grant(BOB, FILE, EDITOR)], Rights.NONE, id="to somebody else"),
        pytest.param(ANN, [Grant(LINK, FILE, EDITOR)], Rights.NONE, id="to a link"),
        pytest.param(LINK, [Grant(LINK, FOLDER, VIEWER)], VIEWER, id="a link has what it was given"),
        pytest.param(ANN, [Grant(ANN, FOLDER, VIEWER), Grant(ANN, FILE, EDITOR)], EDITOR, id="more further down"),
        pytest.param(ANN, [Grant(ANN, FOLDER, EDITOR), Grant(ANN, FILE, VIEWER)], EDITOR, id="never less further down"),
        pytest.param(
            ANN, [Grant(ANN, FOLDER, VIEWER), Grant(ANN, FILE, Rights.SHARE)], VIEWER | Rights.SHARE, id="the union of all"
        ),
        pytest.param(ANN, [Grant(ANN, FILE, VIEWER, NOW + MOMENT)], VIEWER, id="until just before its end"),
        pytest.param(ANN, [Grant(ANN, FILE, VIEWER, NOW)], Rights.NONE, id="over at its end"),
        pytest.param(ANN, [Grant(ANN, FILE, EDITOR, NOW), Grant(ANN, ROOT, VIEWER)], VIEWER, id="the rest when one ends"),
        pytest.param(LINK, [Grant(LINK, FILE, Rights.UPLOAD)], Rights.UPLOAD, id="a link that collects files may only that"),
        pytest.param(ANN, [Grant(ANN, FILE, Rights.UPLOAD)], Rights.NONE, id="a person is never one who only puts in"),
    ],
)
def test_rights(grantee: str, grants: list[Grant], rights: Rights) -> None:
    assert rights_on(PLACE, grantee, grants, NOW) == rights


def test_a_folder_shared_below_gives_nothing_on_the_folder_above() -> None:
    above = Place(FOLDER, UserId("owner"), (ROOT,))
    assert rights_on(above, ANN, [Grant(ANN, FILE, EDITOR)], NOW) == Rights.NONE


def test_what_was_put_into_the_trash_is_gone_for_links_and_not_for_people() -> None:
    trashed = Place(FILE, UserId("owner"), (ROOT, FOLDER), in_trash=True)
    assert rights_on(trashed, ANN, [Grant(ANN, FOLDER, EDITOR)], NOW) == EDITOR
    assert rights_on(trashed, LINK, [Grant(LINK, FOLDER, EDITOR)], NOW) == Rights.NONE


def test_owning_is_everything_and_editing_is_not_sharing() -> None:
    assert Rights.READ | Rights.WRITE | Rights.DELETE | Rights.SHARE == Rights.OWN
    assert Rights.SHARE not in EDITOR
    assert VIEWER in EDITOR


def test_who_writes_may_upload_and_who_uploads_may_not_write() -> None:
    assert Rights.UPLOAD in Rights.WRITE
    assert Rights.WRITE not in Rights.UPLOAD | Rights.READ
    assert rights_on(PLACE, ANN, [Grant(ANN, FILE, rights_named(["write"]))], NOW) == Rights.WRITE


@pytest.mark.parametrize(
    ("words", "again"),
    [
        (["read"], ("read",)),
        (["upload"], ("upload",)),
        (["upload", "write"], ("write",)),
        (["read", "upload"], ("read", "upload")),
        (["read", "write", "delete", "share"], ("read", "write", "delete", "share")),
        (["change", "own", "none", "none of ours"], ()),
    ],
)
def test_rights_have_words_and_each_is_said_once(words: list[str], again: tuple[str, ...]) -> None:
    assert words_of(rights_named(words)) == again


RIGHTS = st.sampled_from([*Rights, Rights.WRITE]).flatmap(lambda one: st.sampled_from([one, one | Rights.READ, Rights.OWN]))
GRANTS = st.lists(
    st.builds(
        Grant,
        st.sampled_from([ANN, BOB, LINK, "user/owner"]),
        st.sampled_from([ROOT, FOLDER, FILE, OTHER]),
        RIGHTS,
        st.none() | st.sampled_from([NOW - MOMENT, NOW, NOW + MOMENT]),
    ),
    max_size=6,
)
SOMEBODY = st.sampled_from([ANN, BOB, LINK])


@given(SOMEBODY, GRANTS, GRANTS)
def test_more_grants_never_mean_fewer_rights(grantee: str, some: list[Grant], more: list[Grant]) -> None:
    assert rights_on(PLACE, grantee, some, NOW) in rights_on(PLACE, grantee, some + more, NOW)


@given(SOMEBODY, GRANTS)
def test_time_only_takes_rights_away(grantee: str, grants: list[Grant]) -> None:
    assert rights_on(PLACE, grantee, grants, NOW + timedelta(days=1)) in rights_on(PLACE, grantee, grants, NOW)


@given(SOMEBODY, GRANTS, st.randoms())
def test_the_order_of_grants_does_not_matter(grantee: str, grants: list[Grant], chance: object) -> None:
    shuffled = list(grants)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert rights_on(PLACE, grantee, grants, NOW) == rights_on(PLACE, grantee, shuffled, NOW)


@given(SOMEBODY, GRANTS)
def test_what_holds_for_a_folder_holds_for_what_lies_in_it(grantee: str, grants: list[Grant]) -> None:
    folder = Place(FOLDER, UserId("owner"), (ROOT,))
    assert rights_on(folder, grantee, grants, NOW) in rights_on(PLACE, grantee, grants, NOW)


@given(SOMEBODY, GRANTS)
def test_only_grants_to_the_grantee_count(grantee: str, grants: list[Grant]) -> None:
    own = [grant for grant in grants if grant.grantee == grantee]
    assert rights_on(PLACE, grantee, grants, NOW) == rights_on(PLACE, grantee, own, NOW)


@given(GRANTS)
def test_the_owner_always_has_everything(grants: list[Grant]) -> None:
    assert rights_on(PLACE, "user/owner", grants, NOW) == Rights.OWN
