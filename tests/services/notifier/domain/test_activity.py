"""Facts in, entries out: actor, and values before and after."""

from datetime import timedelta

import pytest

from coffer_contracts.files import ItemRestoredV1, ItemTrashedV1
from coffer_notifier.domain.activity import ACTIONS, Folder, entry_of_comment, entry_of_item, entry_of_share
from factories.commented import Comment
from factories.events import NOON
from factories.telling import Share, drive, user_id

NOWHERE = Folder(None, None)
ANN, BOB = user_id(), user_id()
ROOT = drive(ANN)
FOLDER = ROOT.below("Plans", "folder")
FILE = FOLDER.below("a.txt")


def test_an_entry_knows_its_fact_its_actor_and_its_scope() -> None:
    fact = FILE.committed(size=7, actor=BOB)
    entry = entry_of_item(fact, "e", NOWHERE, NOWHERE)
    assert entry is not None
    assert (entry.event_id, entry.at, entry.actor_id, entry.owner_id) == (fact.id, fact.time, BOB, ANN)
    assert (entry.action, entry.changes) == ("uploaded", {"size": (None, 7)})
    assert entry.scope == (FILE.id, ROOT.id, FOLDER.id)


def test_a_new_version_has_sizes_and_versions_before_and_after() -> None:
    fact = FILE.replaced(size=9, before=7)
    entry = entry_of_item(fact, "e", NOWHERE, NOWHERE)
    assert entry is not None
    assert fact.data.content is not None
    assert entry.action == "replaced"
    assert entry.changes == {
        "size": (7, 9),
        "version_id": (fact.data.previous_version_id, fact.data.content.version_id),
    }


def test_a_rename_and_a_move_have_names_and_folders_before_and_after() -> None:
    renamed = entry_of_item(FILE.changed("name", previous_name="b.txt"), "e", NOWHERE, NOWHERE)
    assert renamed is not None
    assert (renamed.action, renamed.changes) == ("renamed", {"name": ("b.txt", "a.txt")})
    old = ROOT.below("Old", "folder")
    fact = FILE.changed("name", "parent_id", previous_name="b.txt", previous_parent_id=old.id)
    moved = entry_of_item(fact, "e", Folder(old.id, "Old", old.above), Folder(FOLDER.id, None, FOLDER.above))
    assert moved is not None
    assert moved.action == "moved"
    assert moved.changes == {
        "parent": ({"id": old.id, "name": "Old"}, {"id": FOLDER.id, "name": None}),
        "name": ("b.txt", "a.txt"),
    }
    assert set(moved.scope) == {FILE.id, ROOT.id, FOLDER.id, old.id}


def test_other_facts_have_their_words() -> None:
    told = [
        entry_of_item(FOLDER.created(), "e", NOWHERE, NOWHERE),
        entry_of_item(FILE.changed("modified_at"), "e", NOWHERE, NOWHERE),
        entry_of_item(FILE.as_(ItemTrashedV1), "e", NOWHERE, NOWHERE),
        entry_of_item(FILE.as_(ItemRestoredV1), "e", NOWHERE, NOWHERE),
        entry_of_item(FILE.purged(), "e", NOWHERE, NOWHERE),
    ]
    assert [entry.action for entry in told if entry] == ["created", "changed", "trashed", "restored", "purged"]


@pytest.mark.parametrize("fact", [FILE.changed(), ROOT.created()], ids=["restated", "root"])
def test_what_nobody_did_is_no_entry(fact: object) -> None:
    assert entry_of_item(fact, "e", NOWHERE, NOWHERE) is None  # type: ignore[arg-type]  # one of several kinds


def test_comments_come_and_go_and_are_resolved_and_what_they_say_is_nobodys_news() -> None:
    comment = Comment(FILE, BOB)
    facts = [
        comment.created(),
        comment.changed("body", "mentions"),
        comment.changed("mentions"),
        comment.changed("a_word_of_tomorrow"),
        comment.changed("resolved", resolved_by=BOB),
        comment.changed("resolved"),
        comment.deleted(),
    ]
    told = [entry_of_comment(fact, "e") for fact in facts]
    assert [(entry.action, entry.changes["comment_id"]) for entry in told if entry] == [
        ("commented", (None, comment.id)),
        ("comment_edited", (comment.id, comment.id)),
        ("comment_edited", (comment.id, comment.id)),
        ("comment_resolved", (comment.id, comment.id)),
        ("comment_reopened", (comment.id, comment.id)),
        ("comment_deleted", (comment.id, None)),
    ]
    assert all(entry.action in ACTIONS and entry.recipient_id is None for entry in told if entry)
    assert {entry.scope for entry in told if entry} == {(FILE.id, *FILE.above)}
    assert all(set(entry.changes) == {"comment_id"} for entry in told if entry)


def test_shares_have_roles_and_ends_before_and_after() -> None:
    share = Share(FOLDER, BOB, "editor", expires_at=NOON)
    told = [
        entry_of_share(share.created(), "e", FOLDER.above),
        entry_of_share(share.changed("role", "expires_at", previous_expires_at=NOON - timedelta(days=1)), "e", ()),
        entry_of_share(share.changed("expires_at"), "e", ()),
        entry_of_share(share.revoked("expired"), "e", ()),
        entry_of_share(share.left(), "e", ()),
    ]
    noon, before = "2026-11-20T12:00:00.000000Z", "2026-11-19T12:00:00.000000Z"
    assert [(entry.action, entry.changes, entry.reason) for entry in told if entry] == [
        ("shared", {"role": (None, "editor"), "expires_at": (None, noon)}, None),
        ("share_changed", {"role": ("viewer", "editor"), "expires_at": (before, noon)}, None),
        ("share_changed", {"expires_at": (None, noon)}, None),
        ("share_revoked", {"role": ("editor", None)}, "expired"),
        ("share_left", {"role": ("editor", None)}, None),
    ]
    assert {entry.recipient_id for entry in told if entry} == {BOB}
    assert all(entry.action in ACTIONS for entry in told if entry)
    assert told[0] is not None
    assert told[0].scope == (FOLDER.id, ROOT.id)
