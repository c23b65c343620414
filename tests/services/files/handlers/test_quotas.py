"""The room that operators give people: whatever order it is heard in, the newest word counts."""

from itertools import permutations
from typing import Any

import pytest

from coffer_chassis.ids import new_id
from coffer_contracts.auth import UserChangedV1, UserDeletedV1, UserSuspendedV1
from coffer_contracts.ids import UserId
from coffer_contracts.problems import QuotaExceeded
from coffer_files.handlers.drives import root_of
from coffer_files.store.drives import drive_of
from factories.files import Files, envelope, registered


def told(user_id: str, quota: int | None, *, sequence: int, kind: Any = UserChangedV1, status: str = "active") -> Any:
    fact = registered(user_id).data.model_dump()
    return envelope(kind(**fact | {"quota_bytes": quota, "status": status}), sequence=sequence)


async def quota_of(files: Files, user_id: str) -> int | None:
    async with files.deps.work.read() as connection:
        drive = await drive_of(connection, UserId(user_id))
    return drive.quota_bytes if drive else None


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_newest_quota_counts_in_any_order_and_twice(files: Files, order: tuple[int, ...]) -> None:
    user = new_id()
    facts = [registered(user), told(user, 5_000, sequence=2), told(user, 7_000, sequence=3, kind=UserSuspendedV1)]
    for _ in range(2):
        for place in order:
            await files.handle(facts[place])
    assert await quota_of(files, user) == 7_000


async def test_a_quota_that_was_taken_back_leaves_what_everybody_has(files: Files) -> None:
    user = new_id()
    await files.handle(told(user, 1, sequence=2))
    await files.handle(told(user, None, sequence=3))
    assert await quota_of(files, user) == files.deps.settings.default_quota_bytes


async def test_a_quota_heard_of_before_the_first_request_stands_in_the_drive(files: Files) -> None:
    user = new_id()
    await files.handle(told(user, 0, sequence=1))
    root = await root_of(files.deps, UserId(user), files.origin)
    assert root.item.owner_id == user
    assert await quota_of(files, user) == 0


async def test_a_deleted_account_gets_no_drive(files: Files) -> None:
    user = new_id()
    await files.handle(told(user, None, sequence=9, kind=UserDeletedV1, status="deleted"))
    assert await quota_of(files, user) is None


async def test_an_empty_file_fits_into_a_drive_whose_quota_was_lowered_below_what_lies_there(files: Files) -> None:
    await files.upload("full.jpg", 100)
    await files.handle(told(files.owner.user_id, 50, sequence=2))
    with pytest.raises(QuotaExceeded):
        await files.start("one.txt", 1)
    assert (await files.upload("empty.txt", 0)).state == "committed"
    async with files.client() as http:
        sizes = [{"name": f"{size}.txt", "size": size} for size in (0, 1)]
        answer = await http.post("/v1/uploads/batch", json={"parent_id": "root", "files": sizes})
        assert answer.status_code == 200, answer.text
        assert [result["status"] for result in answer.json()["results"]] == [201, 403]
