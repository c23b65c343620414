"""Facts with words of a later release, as sharing takes them into its copies."""

import pytest

from coffer_contracts.problems import ValidationFailed
from factories.files import person
from factories.later import from_a_later_release
from factories.sharing import Sharing, id_made, told_of


async def test_a_kind_of_item_that_nobody_knows_can_be_shared_as_a_file(sharing: Sharing) -> None:
    ann = await sharing.person()
    item, fact = sharing.drive.make("Away", sharing.root)
    await sharing.handle(from_a_later_release(fact, kind="shortcut"))
    await sharing.share(item, ann)
    (told,) = [
        fact for fact in await sharing.facts() if fact.type == "sharing.share.created.v1" and fact.data.item_id == item.id
    ]
    assert told.data.item_kind == "file"


async def test_nobody_shares_with_somebody_whose_status_nobody_knows(sharing: Sharing) -> None:
    somebody = person(id_made(), username=f"u{id_made()[-12:]}")
    await sharing.handle(from_a_later_release(told_of(somebody), status="locked"))
    with pytest.raises(ValidationFailed) as refused:
        await sharing.share(await sharing.item(), somebody)
    assert [error.code for error in refused.value.errors] == ["unknown_person"]
