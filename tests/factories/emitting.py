"""For each service a short life in which it tells every fact it has: by its own commands, reactions and jobs, on a store."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from coffer_auth.handlers import access_tokens, mfa, oidc, operators, passwords, sessions, step_up
from coffer_auth.handlers.codes import Shown
from coffer_auth.handlers.deps import Deps
from coffer_auth.handlers.oidc import IdToken
from coffer_auth.handlers.photos import start_photo
from coffer_auth.handlers.receiving import receive_photo
from coffer_auth.handlers.sessions import Login
from coffer_auth.handlers.snapshots import PEOPLE
from coffer_chassis.admin.settling import start_replay
from coffer_chassis.callers import Caller
from coffer_chassis.etags import Conditions
from coffer_chassis.identity import Principal
from coffer_chassis.ids import new_id
from coffer_chassis.replays import Events
from coffer_chassis.revocations import DenyList
from coffer_chassis.sightings import Sightings
from coffer_chassis.snapshots import restate_all
from coffer_chassis.testing import FixedClock, MemoryBlobs
from coffer_chassis.token_uses import tell_uses
from coffer_chassis.topology import ServiceTopology
from coffer_chassis.unit_of_work import Work
from coffer_contracts import files as files_facts
from coffer_contracts import media as media_facts
from coffer_contracts import notifier as notifier_facts
from coffer_contracts import sharing as sharing_facts
from coffer_contracts.auth_photos import PhotoReceivedV1
from coffer_contracts.ids import ItemId, PhotoId, UserId, VersionId
from coffer_contracts.problems import InvalidCredentials, LinkPasswordRequired, Unauthenticated
from coffer_contracts.sightings import SightingFact
from coffer_files.handlers import content as contents
from coffer_files.handlers import trash, versions
from coffer_files.handlers.downloads import tell_downloads
from coffer_files.handlers.emptying import empty_trash
from coffer_files.handlers.items import Wish, change_item, make_folder
from coffer_files.handlers.regenerating import regenerate_all
from coffer_files.handlers.sweeping import sweep
from coffer_files.handlers.tickets import Admission
from coffer_files.handlers.working import run_jobs
from coffer_files.store.preview_requests import Which
from coffer_local.registry import SERVICES
from coffer_media_worker.domain import Picture, PreviewFailed, PreviewFailure, PreviewOutcome, Rendered
from coffer_media_worker.handlers import judging, photos
from coffer_media_worker.handlers.deps import Deps as MediaDeps
from coffer_media_worker.handlers.rendering import make_previews
from coffer_media_worker.store import tables
from coffer_sharing.domain import Wish as ShareWish
from coffer_sharing.handlers.changing import change_share, leave_share, revoke_share
from coffer_sharing.handlers.invitations import change_invitation, revoke_invitation
from coffer_sharing.handlers.link_tickets import Wanted, give_tickets
from coffer_sharing.handlers.link_visits import unlock_link, view_link
from coffer_sharing.handlers.links import NewLink, change_link, make_link
from factories.accounts import HOME, PASSWORD, auth_deps, origin, registered
from factories.comments import edit, remove, say
from factories.events import NOON, arrived, item_committed, page_requested, upload_received
from factories.factors import member, token_of
from factories.files import Files, TokenIsUserId, cleared, files_on, origin_of, rejected, stored
from factories.images import jpeg, program
from factories.mailed import last_secret
from factories.notifier import notifier_on
from factories.oidc import realm
from factories.operators import OPERATOR, operations_of
from factories.previewed import previewed
from factories.previews import ask, preview
from factories.receivers import receiver
from factories.sharing import Sharing, sharing_on
from factories.signed_in import again
from factories.telling import drive, user_id

ANY = Conditions()
TOPOLOGIES: Mapping[str, ServiceTopology] = {entry.name: entry.topology for entry in SERVICES}


async def operated(service: str, work: Work) -> None:
    """An operator lets everything be sent again."""
    async with work.unit(OPERATOR) as unit:
        await start_replay(operations_of(TOPOLOGIES[service], work), unit, Events(), 10)


async def _token_seen(work: Work, fact: type[SightingFact]) -> None:
    """A script comes by."""
    sightings = Sightings(work.clock)
    sightings.note(new_id(), UserId(new_id()))
    assert await tell_uses(work, sightings, fact) == 1


async def told_in(work: Work) -> set[str]:
    """The types of what lies in the outbox."""
    async with work.read() as connection:
        return set((await connection.execute(text("SELECT DISTINCT type FROM outbox"))).scalars())


async def of_auth(url: str) -> set[str]:
    """Somebody registers, mistypes the password, signs in and out, loses a token to a thief, resets the password, and is shut
    out by an operator, who sends a photo; and somebody comes by the word of an issuer.
    """
    clock = FixedClock()
    async with realm() as sso, auth_deps(url, clock=clock, oidc_issuers=(sso.settings(create_accounts=True),)) as deps:
        now = int(clock.now().timestamp())
        await oidc.sign_in(IdToken(sso.token(iat=now, exp=now + 300), None, None, HOME), origin(), deps)
        user = await registered(deps)
        with suppress(InvalidCredentials):
            await sessions.login(Login(user.username, "not this one", None, HOME), origin(), deps)
        pair = await sessions.login(Login(user.username, PASSWORD, None, HOME), origin(), deps)
        await sessions.refresh(pair.refresh_token, HOME, origin(), deps)
        clock.advance(seconds=11)
        with suppress(Unauthenticated):
            await sessions.refresh(pair.refresh_token, HOME, origin(), deps)
        await passwords.forget_password(user.email, HOME, origin(), deps)
        await passwords.reset_password(
            await last_secret(deps, user.email, "reset_password"), "five loud badgers", HOME, origin(), deps
        )
        await _second_factor(deps, clock)
        await restate_all(deps.work, [PEOPLE])
        await operated("auth", deps.work)
        boss = await again(deps, await operators.grant_operator((await registered(deps)).username, deps))
        who = (deps, boss.principal, boss.origin, user.id)
        await operators.change_account(*who, {"status": "suspended"}, ANY)
        await operators.delete_account(*who, user.username)
        sent = await start_photo(deps, boss.principal, boss.origin, 5, "image/jpeg")
        async with deps.work.unit(boss.origin) as unit:
            await receive_photo(unit, sent.user_id, sent.id, key=sent.incoming_key, etag="e1", size_bytes=5)
        return await told_in(deps.work)


async def _second_factor(deps: Deps, clock: FixedClock) -> None:
    """Somebody turns a second factor on, loses it, and turns it off."""
    ada = await member(deps, clock)
    await mfa.rotate_codes(Shown(code=ada.app.code()), ada.asker, deps)
    await mfa.disable_totp(Shown(PASSWORD, ada.app.code(1)), ada.asker, deps)
    eve = await member(deps, clock)
    await step_up.step_up(Shown(PASSWORD, recovery_code=eve.recovery_codes[0]), eve.asker, deps)
    await access_tokens.revoke((await token_of(deps, eve.asker)).id, eve.asker, deps)


async def of_files(url: str) -> set[str]:
    """Uploads end in every way there is, and a folder lives and dies."""
    async with files_on(url) as files:
        deps, owner = files.deps, files.owner
        made, _ = await make_folder(deps, owner, files.origin, None, parent="root", name="Plans", conflict="fail")
        folder = made.at.item.id
        await change_item(deps, owner, files.origin, folder, Wish(name="Trips"), ANY)
        await trash.trash_item(deps, owner, files.origin, folder, ANY)
        await trash.restore_item(deps, owner, files.origin, folder, parent=None, conflict="fail")
        await trash.trash_item(deps, owner, files.origin, folder, ANY)
        await trash.purge_item(deps, owner, files.origin, folder)
        await _versions_and_room(files)
        await empty_trash(deps, owner, files.origin)
        await run_jobs(deps)
        late = await files.start("same.jpg")
        await files.upload("same.jpg")
        refused = await files.start("bad.jpg")
        await files.handle(stored(late), cleared(late), stored(refused), rejected(refused))
        await files.start("never.jpg")
        unanswered = await files.start("unanswered.jpg")
        await files.handle(stored(unanswered))
        for _ in range(4):
            await files.rows("UPDATE outbox SET sent_at = now() RETURNING id")
            files.clock.advance(minutes=10)
            await sweep(deps)
        files.clock.advance(hours=24)
        await sweep(deps)
        await contents.hand_out(
            deps,
            files.origin,
            await contents.find_content(
                deps, owner, files.origin, str((await files.upload("read.jpg")).item_id), version_id=None
            ),
            Admission(TokenIsUserId(), owner, None),
            "content",
        )
        await tell_downloads(deps.work, deps.downloads)
        await previewed(files, "again.jpg")
        await regenerate_all(deps, files.origin, Which("ready"), 1)
        await operated("files", deps.work)
        await _token_seen(deps.work, files_facts.SightingNotedV1)
        return await told_in(deps.work)


async def _versions_and_room(files: Files) -> None:
    """A file is replaced, fills the drive, and loses its older version."""
    before = await files.upload("plan.jpg", 1000)
    await files.upload("plan.jpg", 799_000, conflict="replace")
    named = ItemId(str(before.item_id)), VersionId(str(before.version_id))
    await versions.delete_version(files.deps, files.owner, files.origin, *named)


@dataclass
class Children:
    """Renders what it was told to, in order."""

    outcomes: list[PreviewOutcome]

    async def render(self, source: bytes, boxes: Sequence[int] = (400,), **_: object) -> PreviewOutcome:
        """The next one."""
        return self.outcomes.pop(0)


async def of_media_worker(url: str) -> set[str]:
    """A good photo and a bad one are judged; one preview succeeds, one fails, a text has none; two photos of people;
    two pages of a document are turned to.
    """
    engine, clock = create_async_engine(url), FixedClock()
    work, blobs = Work(engine, tables.chassis, source="/media-worker", clock=clock), MemoryBlobs(clock)
    picture = Rendered((Picture(b"RIFF....WEBP", "image/webp", 400, 300, 400),), 4000, 3000, b"tiny")
    failure = PreviewFailed(PreviewFailure.CORRUPT)
    children: Any = Children([picture, failure, Rendered(text=b"words"), picture, failure, picture, failure])
    deps = MediaDeps(work=work, blobs=blobs, children=children, label=None, denied=DenyList(work, tables.revocations))
    for number, content in enumerate([jpeg(8, 8), program()]):
        key = f"blobs/owner/{number}"
        etag = await blobs.write(key, content, content_type="application/octet-stream")
        await judging.on_upload_received(arrived(upload_received(key=key, etag=etag, size_bytes=len(content))), deps)
    photo, content = "blobs/owner/0", jpeg(8, 8)
    for _ in range(2):
        etag = await blobs.write(photo, content, content_type="image/jpeg")
        await preview(deps, arrived(item_committed(key=photo, etag=etag, size_bytes=len(content))))
    words = await blobs.write("blobs/owner/2", b"words", content_type="text/plain")
    about: dict[str, Any] = {"key": "blobs/owner/2", "etag": words, "size_bytes": 5, "mime_type": "text/plain"}
    await preview(deps, arrived(item_committed(**about)))
    for number in range(2):
        user, sent = UserId(new_id()), PhotoId(new_id())
        key = f"photos/incoming/{user}/{sent}"
        etag = await blobs.write(key, content, content_type="image/jpeg")
        fact = PhotoReceivedV1(
            photo_id=sent, user_id=user, key=key, etag=etag, size_bytes=len(content), attempt=number + 1, received_at=NOON
        )
        await photos.on_photo_received(arrived(fact), deps)
    etag = await blobs.write("blobs/owner/3", b"%PDF-", content_type="application/pdf")
    document = item_committed(key="blobs/owner/3", etag=etag, size_bytes=5, mime_type="application/pdf", media_kind="document")
    for page in (2, 3):
        await ask(deps, page_requested(document, page, sequence=page))
        await make_previews(deps)
    await operated("media-worker", work)
    await _token_seen(work, media_facts.SightingNotedV1)
    told = await told_in(work)
    await engine.dispose()
    return told


async def of_sharing(url: str) -> set[str]:
    """Things are shared, shared otherwise, taken back, and given up; and somebody comments and thinks better of it."""
    async with sharing_on(url) as sharing:
        ann, bob, owner = await sharing.person(), await sharing.person(), sharing.owner
        first, second = await sharing.share(await sharing.item(), ann, bob)
        wish = ShareWish(role="editor", expires_at=sharing.clock.now() + timedelta(days=1))
        await change_share(sharing.deps, owner, origin_of(owner), first.share.id, wish, ANY)
        await revoke_share(sharing.deps, owner, origin_of(owner), first.share.id, ANY)
        await leave_share(sharing.deps, bob, origin_of(bob), second.share.id)
        said = await say(sharing, await sharing.item())
        await edit(sharing, said)
        await remove(sharing, said)
        [invited] = await sharing.invite(await sharing.item(), "maria@example.org")
        await change_invitation(sharing.deps, owner, origin_of(owner), invited.invitation.id, wish, ANY)
        await revoke_invitation(sharing.deps, owner, origin_of(owner), invited.invitation.id, ANY)
        await _links(sharing)
        await operated("sharing", sharing.deps.work)
        await _token_seen(sharing.deps.work, sharing_facts.SightingNotedV1)
        return await told_in(sharing.deps.work)


async def _links(sharing: Sharing) -> None:
    """A link is made, looked at, tried in vain, opened, used, changed, and shut."""
    deps, owner, file = sharing.deps, sharing.owner, await sharing.item("a.txt", kind="file")
    made, _ = await make_link(deps, owner, origin_of(owner), None, NewLink(file.id, "download", "tulips"))
    token, nowhere = str(made.url).rpartition("/")[2], Caller(None, None)

    async def uncounted() -> None:
        """Nobody counts here."""

    await view_link(deps, origin_of(owner), token, nowhere)
    with suppress(LinkPasswordRequired):
        await unlock_link(deps, origin_of(owner), token, "crocus", nowhere, uncounted)
    entry = await unlock_link(deps, origin_of(owner), token, "tulips", nowhere, uncounted)
    session = jwt.decode(entry.token, options={"verify_signature": False})
    visitor = Principal("link", UserId(made.link.id), session["sid"], frozenset(), NOON, family_id=session["fam"])
    await give_tickets(deps, visitor, origin_of(visitor), token, Wanted("content", [file.id]), nowhere)
    for wish in ({"name": "other"}, {"disabled": True}):
        await change_link(deps, owner, origin_of(owner), made.link.id, wish, ANY)
    folder = await sharing.item("Inbox")
    collects, _ = await make_link(deps, owner, origin_of(owner), None, NewLink(folder.id, "upload_only", notify_on_upload=True))
    await sharing.handle(drive(owner.user_id).below("cv.pdf").committed(actor=collects.link.id, kind="link"))


async def of_notifier(url: str) -> set[str]:
    """It tells what operators do with it, what somebody chose, and of a webhook whose receiver wants no more."""
    ann = user_id()
    async with notifier_on(url, webhook_allow_loopback=True) as notifier:
        with receiver() as told:
            told.status = 410
            await notifier.webhook(ann, told.url, "files.*")
            await notifier.handle(drive(ann).below("a.txt").committed())
            await notifier.deliver_all()
        async with notifier.client(ann) as http:
            await http.put("/v1/notifications/preferences", json={"locale": "de"})
        await operated("notifier", notifier.deps.work)
        await _token_seen(notifier.deps.work, notifier_facts.SightingNotedV1)
        return await told_in(notifier.deps.work)


LIVES: Mapping[str, Callable[[str], Awaitable[set[str]]]] = {
    "auth": of_auth,
    "files": of_files,
    "media-worker": of_media_worker,
    "sharing": of_sharing,
    "notifier": of_notifier,
}
"""Service -> its life on the migrated store of that address; the types it told."""
