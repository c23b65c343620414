"""Titles of notices: one sentence each, with names cut."""

from typing import Any

import pytest

from coffer_contracts.ids import ItemId, UserId
from coffer_notifier.domain import notices
from coffer_notifier.domain.notices import TITLE_NAME_LENGTH, ItemRef, Notice, title_of
from factories.events import NOON

ITEM = ItemRef(ItemId("i"), "folder", "Plans", UserId("u"))


def notice(kind: str, *, item: ItemRef | None = ITEM, **data: Any) -> Notice:
    return Notice("n", UserId("u"), kind, "a", item, None, data, NOON)


@pytest.mark.parametrize(
    ("told", "title"),
    [
        (notice(notices.SHARE_RECEIVED), "Ann shared “Plans” with you"),
        (
            notice(notices.SHARE_CHANGED, changes=["role"], role="editor"),
            "Ann changed your access to “Plans”: you can edit it now",
        ),
        (
            notice(notices.SHARE_CHANGED, changes=["role", "expires_at"], role="viewer"),
            "Ann changed your access to “Plans”: you can only view it now",
        ),
        (
            notice(notices.SHARE_CHANGED, changes=["role"], role="contributor"),
            "Ann changed your access to “Plans”: you can view and change it now",
        ),
        (
            notice(notices.SHARE_CHANGED, changes=["role"], role="remover"),
            "Ann changed your access to “Plans”: you can view and remove it now",
        ),
        (notice(notices.SHARE_CHANGED, changes=["expires_at"], role="viewer"), "Ann changed how long you can see “Plans”"),
        (notice(notices.SHARE_REVOKED, reason="revoked"), "Ann stopped sharing “Plans” with you"),
        (notice(notices.SHARE_REVOKED, reason="item_purged"), "“Plans” was deleted and is no longer shared with you"),
        (notice(notices.SHARE_REVOKED, reason="account_deleted"), "“Plans” is no longer shared with you"),
        (notice(notices.SHARE_EXPIRED, reason="expired"), "Your access to “Plans” has expired"),
        (notice(notices.SHARE_LEFT), "Ann left your share of “Plans”"),
        (notice(notices.COMMENT_ADDED), "Ann commented on “Plans”"),
        (notice(notices.COMMENT_REPLIED), "Ann replied to a comment on “Plans”"),
        (notice(notices.COMMENT_MENTIONED), "Ann mentioned you in a comment on “Plans”"),
        (notice(notices.UPLOAD_CONFLICT, item=None, name="a.txt"), "“a.txt” could not be placed and waits for your decision"),
        (notice(notices.UPLOAD_REJECTED, item=None, name="a.txt"), "“a.txt” was rejected"),
        (notice(notices.PHOTO_REJECTED, item=None, reason="not_an_image"), "Your photo was rejected"),
        (notice(notices.USAGE_CROSSED, item=None, percent=80), "Your drive is 80 % full"),
        (notice(notices.USAGE_CROSSED, item=None, percent=100), "Your drive is full"),
        (notice(notices.UPLOAD_FAILED, item=None, name="a.txt"), "The upload of “a.txt” failed"),
        (notice(notices.UPLOAD_EXPIRED, item=None, name="{who}"), "The upload of “{who}” was not finished in time"),
        (notice("from_the_future"), "“Plans”"),
    ],
    ids=lambda one: one.type if isinstance(one, Notice) else "",
)
def test_every_kind_has_a_title(told: Notice, title: str) -> None:
    assert title_of(told, "Ann") == title


def test_somebody_unknown_and_somebody_long_winded() -> None:
    assert title_of(notice(notices.SHARE_LEFT), None) == "Someone left your share of “Plans”"
    long = title_of(notice(notices.SHARE_LEFT), "{what}" * 100)
    assert len(long) < TITLE_NAME_LENGTH + 40
    assert long.startswith("{what}{what}")
