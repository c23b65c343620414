"""Sharing with addresses: what is answered says nothing, what becomes of it is settled afterwards."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from coffer_chassis.etags import Conditions
from coffer_chassis.idempotency import claim
from coffer_contracts.problems import AlreadyShared, NotFound, PreconditionFailed, RateLimited, StateConflict
from coffer_contracts.sharing import GrantSetV1, ShareCreatedV1
from coffer_sharing.domain import Named, Wish
from coffer_sharing.domain.invitations import MAILS_TO_ONE
from coffer_sharing.handlers.ending import forget_invitations, lapse
from coffer_sharing.handlers.giving import Gift, share_item
from coffer_sharing.handlers.invitations import change_invitation, find_invitation, list_invitations, revoke_invitation
from coffer_sharing.handlers.settling import settle, settle_due
from coffer_sharing.store.invitations import invitation_by_id
from coffer_sharing.store.shares import share_by_id
from coffer_sharing.store.tables import invitations, people
from factories.files import origin_of
from factories.sharing import Sharing, id_made, sharing_on, told_of

ANY = Conditions()


def address() -> str:
    """One that no test has used."""
    return f"Maria.{id_made()[-12:]}@Example.org"


async def row(sharing: Sharing, shown: Any) -> Any:
    async with sharing.deps.work.read() as connection:
        return await invitation_by_id(connection, shown.invitation.id)


async def share_of(sharing: Sharing, shown: Any) -> Any:
    async with sharing.deps.work.read() as connection:
        return await share_by_id(connection, shown.invitation.id)


async def told(sharing: Sharing, shown: Any) -> list[Any]:
    return await sharing.facts(f"invitation/{shown.invitation.id}")


def as_owner(sharing: Sharing) -> tuple[Any, Any, Any]:
    return sharing.deps, sharing.owner, origin_of(sharing.owner)


async def test_an_address_without_an_account_waits_and_is_told_by_mail_once(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item("Holiday")
    [shown] = await sharing.invite(folder, to, role="editor", message="Look")
    assert (shown.email, shown.name, shown.invitation.end_reason) == (to.replace("Example", "example"), "Holiday", None)
    await sharing.settle_all()
    await settle(sharing.deps, shown.invitation.id)
    [(command, words)] = await sharing.mails()
    assert (words.address, words.item_name, words.role, words.message) == (shown.email, "Holiday", "editor", "Look")
    assert command.expires_at == sharing.clock.now() + timedelta(days=1)
    assert [fact.type for fact in await told(sharing, shown)] == ["sharing.invitation.created.v1"]
    assert await share_of(sharing, shown) is None
    assert (await row(sharing, shown)).due_at is None


async def test_the_share_is_there_as_soon_as_somebody_proves_the_address(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item("Holiday")
    [shown] = await sharing.invite(folder, to, role="editor", message="Look")
    await sharing.settle_all()
    ann = await sharing.person(email=to.lower(), email_verified=False)
    await sharing.settle_all()
    assert await share_of(sharing, shown) is None, "a claim proves nothing"
    await sharing.handle(told_of(ann, sequence=2, email=to.upper(), email_verified=True))
    await sharing.settle_all()
    share = await share_of(sharing, shown)
    assert (share.recipient_id, share.role, share.message, share.revision) == (ann.user_id, "editor", "Look", 1)
    grant, created = await sharing.told(share)
    assert (type(grant.data), type(created.data)) == (GrantSetV1, ShareCreatedV1)
    assert (created.actorid, created.actorkind) == (sharing.owner.user_id, "user")
    *_, ended = await told(sharing, shown)
    assert (ended.data.reason, ended.data.share_id, ended.revision) == ("accepted", share.id, 2)
    before = await sharing.everything()
    await settle(sharing.deps, shown.invitation.id)
    await sharing.handle(told_of(ann, sequence=2, email=to, email_verified=True), told_of(ann, sequence=1))
    await sharing.settle_all()
    after = await sharing.everything()
    told_and_own = [*range(6), 10, 11]
    assert [after[place] for place in told_and_own] == [before[place] for place in told_and_own]


async def test_an_address_with_an_account_becomes_a_share_right_after_the_answer(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    ann = await sharing.person(email=to)
    [shown] = await sharing.invite(folder, to, expires_at=sharing.clock.now() + timedelta(days=3))
    assert await share_of(sharing, shown) is None, "not before the answer: it would say so"
    await sharing.settle_all()
    share = await share_of(sharing, shown)
    assert (share.recipient_id, share.expires_at) == (ann.user_id, shown.invitation.expires_at)
    assert await sharing.mails() == []


async def test_the_answer_and_the_statements_are_the_same_whoever_has_the_address(sharing: Sharing) -> None:
    """Nothing about a person is read on the way, so that neither the answer nor its time says who has an account."""
    known, unknown = address(), address()
    await sharing.person(email=known)
    answers, statements = [], []
    for to in (known, unknown):
        folder = await sharing.item("Same")
        sharing.statements.clear()
        async with sharing.client() as http:
            body = {"item_id": folder.id, "recipients": [{"email": to}], "role": "viewer"}
            answer = await http.post("/v1/shares", json=body)
        assert answer.status_code == 201, answer.text
        text, [invited] = answer.text, answer.json()["invitations"]
        for own in (*re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", text), invited["email"], invited["etag"].strip('"')):
            text = text.replace(own, "-")
        answers.append(text)
        statements.append([*sharing.statements])
    assert answers[0] == answers[1]
    assert statements[0] == statements[1]
    assert not any("address_key" in one and "FROM people" in one for one in statements[0])


@pytest.mark.parametrize("status", ["suspended", "deleted"])
async def test_an_account_that_is_shut_gets_nothing_until_it_is_open_again(sharing: Sharing, status: str) -> None:
    to, folder = address(), await sharing.item()
    ann = await sharing.person(email=to, status=status)
    [shown] = await sharing.invite(folder, to)
    await sharing.settle_all()
    assert await share_of(sharing, shown) is None
    await sharing.handle(told_of(ann, sequence=2, email=to))
    await sharing.settle_all()
    assert (await share_of(sharing, shown)).recipient_id == ann.user_id


async def test_while_two_seem_to_have_an_address_nobody_gets_anything(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    ann = await sharing.person(email=to)
    bob = await sharing.person(email=to)
    [shown] = await sharing.invite(folder, to)
    await sharing.settle_all()
    assert await share_of(sharing, shown) is None
    await sharing.handle(told_of(ann, sequence=2, email=address()))
    await sharing.settle_all()
    sharing.clock.advance(seconds=31)
    await sharing.settle_all()
    assert (await share_of(sharing, shown)).recipient_id == bob.user_id


async def test_a_fact_that_comes_beside_the_invitation_is_not_missed(sharing: Sharing) -> None:
    """Whichever of the two commits last finds the other."""
    for _ in range(3):
        to, folder = address(), await sharing.item()
        ann = await sharing.person(email=to, email_verified=False)
        proved = told_of(ann, sequence=2, email=to)

        async def settling() -> None:
            for _ in range(5):
                await settle_due(sharing.deps)

        (shown,), _, _, _ = await asyncio.gather(sharing.invite(folder, to), sharing.handle(proved), settling(), settling())
        await sharing.settle_all()
        assert (await share_of(sharing, shown)).recipient_id == ann.user_id


async def test_many_who_settle_at_once_make_one_share_and_one_mail(sharing: Sharing) -> None:
    folder, to, other = await sharing.item(), address(), address()
    await sharing.person(email=to)
    known, unknown = await sharing.invite(folder, to, other)
    await asyncio.gather(*(settle(sharing.deps, one.invitation.id) for one in (known, unknown) * 4))
    assert len(await sharing.mails()) == 1
    assert len(await sharing.told(await share_of(sharing, known))) == 2


async def test_an_account_that_is_closed_at_that_moment_keeps_nothing(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    ann = await sharing.person(email=to)
    [shown] = await sharing.invite(folder, to)
    async with sharing.engine.connect() as closing:
        await closing.execute(people.update().where(people.c.user_id == ann.user_id).values(status="deleted", address_key=None))
        settled = asyncio.create_task(settle(sharing.deps, shown.invitation.id))
        await sharing.somebody_waits()
        await closing.commit()
    await settled
    assert await share_of(sharing, shown) is None


async def test_somebody_who_has_it_already_keeps_what_they_have(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    ann = await sharing.person(email=to)
    [has] = await sharing.share(folder, ann, role="viewer")
    [shown] = await sharing.invite(folder, to, role="editor")
    await sharing.settle_all()
    assert (await sharing.now(has)).role == "viewer"
    assert (await told(sharing, shown))[-1].data.reason == "not_needed"
    assert (await row(sharing, shown)).address_key is None


async def test_inviting_oneself_comes_to_nothing(sharing: Sharing) -> None:
    [shown] = await sharing.invite(await sharing.item(), f"{sharing.owner.username}@example.org")
    await sharing.settle_all()
    # Every test has an owner of this name and address, so there may be several: then it waits, which is nothing either.
    assert await share_of(sharing, shown) is None


async def test_an_address_is_invited_to_an_item_once_at_a_time(sharing: Sharing) -> None:
    to, folder, ann = address(), await sharing.item(), await sharing.person()
    [shown] = await sharing.invite(folder, to)
    gift = Gift(folder.id, [Named(ann.user_id), Named(email=address()), Named(email=to.upper())], "viewer")
    with pytest.raises(AlreadyShared) as refused:
        await share_item(*as_owner(sharing), None, gift)
    assert refused.value.extensions["existing"] == {"invitation_id": shown.invitation.id}
    assert [error.pointer for error in refused.value.errors] == ["/recipients/2"]
    assert await sharing.facts(f"share/{ann.user_id}") == []
    sharing.clock.advance(days=30)
    assert len(await sharing.invite(folder, to)) == 1
    assert (await row(sharing, shown)).end_reason == "expired"


async def test_everybody_named_or_nobody(sharing: Sharing) -> None:
    ann, folder, to = await sharing.person(), await sharing.item(), address()
    [has] = await sharing.share(folder, ann)
    gift = Gift(folder.id, [Named(email=to), Named(ann.user_id)], "viewer")
    with pytest.raises(AlreadyShared) as refused:
        await share_item(*as_owner(sharing), None, gift)
    assert refused.value.extensions["existing"]["id"] == has.share.id  # type: ignore[index]  # its own form
    assert [error.pointer for error in refused.value.errors] == ["/recipients/1"]
    assert await sharing.rows(select(invitations.c.id).where(invitations.c.item_id == folder.id)) == []


async def test_a_request_that_comes_twice_invites_once(sharing: Sharing) -> None:
    folder, to = await sharing.item(), address()
    key = claim("invited", principal=sharing.owner.grantee, route="POST /v1/shares", body={})
    gift = Gift(folder.id, [Named(email=to)], "viewer")
    first, replayed = await share_item(*as_owner(sharing), key, gift)
    again, second = await share_item(*as_owner(sharing), key, gift)
    assert (replayed, second) == (False, True)
    assert again == first


async def test_a_day_has_so_many_invitations_and_no_more(sharing: Sharing) -> None:
    async with sharing_on(str(sharing.engine.url.render_as_string(hide_password=False)), invitations_per_day=50) as few:
        folder = await few.item()
        await few.invite(folder, *(address() for _ in range(50)))
        with pytest.raises(RateLimited) as refused:
            await few.invite(await few.item(), address())
        assert refused.value.retry_after_seconds == 24 * 3600 // 50
        few.clock.advance(seconds=24 * 3600 // 50)
        assert len(await few.invite(await few.item(), address())) == 1
        with pytest.raises(RateLimited):
            await few.invite(await few.item(), address())


async def test_at_once_nobody_gets_past_the_limit(sharing: Sharing) -> None:
    async with sharing_on(str(sharing.engine.url.render_as_string(hide_password=False)), invitations_per_day=50) as few:
        folders = [await few.item() for _ in range(12)]
        invited = (few.invite(folder, *(address() for _ in range(10))) for folder in folders)
        results = await asyncio.gather(*invited, return_exceptions=True)
    assert sum(isinstance(one, list) for one in results) == 5
    assert sum(isinstance(one, RateLimited) for one in results) == 7


@pytest.mark.slow
async def test_one_mailbox_is_not_flooded_whoever_invites(sharing: Sharing) -> None:
    to = address()
    for _ in range(MAILS_TO_ONE + 2):
        await sharing.invite(await sharing.item(), to)
    await sharing.settle_all()
    assert len(await sharing.mails()) == MAILS_TO_ONE


async def test_without_notify_there_is_no_mail(sharing: Sharing) -> None:
    await sharing.invite(await sharing.item(), address(), notify=False)
    await sharing.settle_all()
    assert await sharing.mails() == []


async def test_an_invitation_can_be_changed_until_it_is_followed(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    [shown] = await sharing.invite(folder, to)
    ends = sharing.clock.now() + timedelta(days=2)
    wish = Wish(role="contributor", expires_at=ends)
    stale = Conditions.in_headers([(b"if-match", b'"old"')])
    with pytest.raises(PreconditionFailed):
        await change_invitation(*as_owner(sharing), shown.invitation.id, wish, stale)
    after = await change_invitation(*as_owner(sharing), shown.invitation.id, wish, ANY)
    assert (after.invitation.role, after.invitation.expires_at, after.invitation.lapses_at) == ("contributor", ends, ends)
    same = await change_invitation(*as_owner(sharing), shown.invitation.id, wish, ANY)
    assert same == after
    changed = (await told(sharing, shown))[-1]
    assert [change.field for change in changed.data.changes] == ["role", "expires_at"]
    await sharing.person(email=to)
    await sharing.settle_all()
    assert (await share_of(sharing, shown)).role == "contributor"
    with pytest.raises(StateConflict) as refused:
        await change_invitation(*as_owner(sharing), shown.invitation.id, Wish(role="viewer"), ANY)
    assert refused.value.extensions["share_id"] == shown.invitation.id


async def test_revoked_before_it_is_followed_it_gives_nothing(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    [shown] = await sharing.invite(folder, to)
    for _ in range(2):
        await revoke_invitation(*as_owner(sharing), shown.invitation.id, ANY)
    with pytest.raises(NotFound):
        await find_invitation(sharing.deps, sharing.owner, shown.invitation.id)
    await sharing.person(email=to)
    await sharing.settle_all()
    assert await share_of(sharing, shown) is None
    assert await sharing.mails() == []
    assert [fact.revision for fact in await told(sharing, shown)] == [1, 2]


async def test_revoking_it_takes_back_the_share_that_it_has_become(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    await sharing.person(email=to)
    [shown] = await sharing.invite(folder, to)
    await sharing.settle_all()
    assert (await find_invitation(sharing.deps, sharing.owner, shown.invitation.id)).email is None
    for _ in range(2):
        await revoke_invitation(*as_owner(sharing), shown.invitation.id, ANY)
    assert (await share_of(sharing, shown)).end_reason == "revoked"


async def test_it_is_nobody_elses(sharing: Sharing) -> None:
    ann, folder = await sharing.person(), await sharing.item()
    [shown] = await sharing.invite(folder, address())
    for attempt in (
        lambda: find_invitation(sharing.deps, ann, shown.invitation.id),
        lambda: change_invitation(sharing.deps, ann, origin_of(ann), shown.invitation.id, Wish(role="editor"), ANY),
        lambda: revoke_invitation(sharing.deps, ann, origin_of(ann), shown.invitation.id, ANY),
    ):
        with pytest.raises(NotFound):
            await attempt()
    page = await list_invitations(sharing.deps, ann, item_id=None, after=None, limit=10)
    assert page.invitations == []


async def test_it_ends_when_its_time_is_up_also_if_the_address_is_proved_then(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    [first] = await sharing.invite(folder, to)
    [second] = await sharing.invite(await sharing.item(), to)
    await sharing.settle_all()
    sharing.clock.advance(days=30)
    await lapse(sharing.deps)
    assert {(await row(sharing, one)).end_reason for one in (first, second)} == {"expired"}
    [late] = await sharing.invite(folder, to)
    sharing.clock.advance(days=30)
    await sharing.person(email=to)
    await sharing.settle_all()
    assert (await row(sharing, late)).end_reason == "expired"
    sharing.clock.advance(days=400)
    assert (await forget_invitations(sharing.deps))[0] >= 2
    assert await row(sharing, first) is None


async def test_it_is_gone_with_the_item(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    inner = await sharing.item("inner", folder)
    [shown] = await sharing.invite(inner, to)
    await sharing.handle(*sharing.drive.purge(folder))
    assert (await row(sharing, shown)).end_reason == "item_purged"
    await sharing.person(email=to)
    await sharing.settle_all()
    assert await share_of(sharing, shown) is None


async def test_what_has_ended_has_forgotten_the_address(sharing: Sharing) -> None:
    [shown] = await sharing.invite(await sharing.item(), address(), message="Look")
    await revoke_invitation(*as_owner(sharing), shown.invitation.id, ANY)
    ended = await row(sharing, shown)
    assert (ended.address, ended.address_key, ended.message) == (None, None, None)


async def test_no_address_stands_in_the_store_or_in_a_fact(sharing: Sharing) -> None:
    to, folder = address(), await sharing.item()
    ann = await sharing.person(email=f"own.{to}")
    await sharing.invite(folder, to, f"own.{to}")
    await sharing.settle_all()
    local = to.partition("@")[0].lower()
    assert local not in repr(await sharing.everything()).lower()
    assert (await sharing.rows(select(people.c.address_key).where(people.c.user_id == ann.user_id)))[0][0] is not None


async def test_one_that_fails_keeps_no_other_waiting(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, bad, good = await sharing.item(), address(), address()
    [broken] = await sharing.invite(folder, bad)
    await sharing.rows(
        invitations.update()
        .where(invitations.c.id == broken.invitation.id)
        .values(address=b"x" * 40)
        .returning(invitations.c.id)
    )
    await sharing.invite(folder, good)
    await sharing.settle_all()
    assert [words.address.lower() for _, words in await sharing.mails()] == [good.lower()]
    assert (await row(sharing, broken)).due_at > sharing.clock.now()
