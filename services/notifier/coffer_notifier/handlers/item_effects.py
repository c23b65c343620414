"""What facts about items leave behind, done once for all of them that share a transaction: the copy of the tree, activity,
rows of the stream. A burst of facts costs as many statements as one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from sqlalchemy.ext.asyncio import AsyncConnection

from coffer_chassis.access import Grant, Place, Rights, rights_on
from coffer_chassis.copies.grants import grants_on
from coffer_chassis.copies.tree import Standing, note_all, standings
from coffer_chassis.ids import new_id
from coffer_chassis.unit_of_work import Unit
from coffer_contracts.event import Envelope, Event
from coffer_contracts.files import ItemChangedV1, ItemCommittedV1, ItemFact, ItemPurgedV1, ItemRestoredV1, VersionDeletedV1
from coffer_contracts.files_downloads import ItemDownloadedV1
from coffer_contracts.ids import ItemId, UserId
from coffer_contracts.media import PreviewFact
from coffer_notifier.domain.activity import (
    NOWHERE,
    Entry,
    Folder,
    Happening,
    entry_of_download,
    entry_of_item,
    entry_of_version,
)
from coffer_notifier.handlers.audience import readers_among
from coffer_notifier.handlers.deps import Deps
from coffer_notifier.handlers.sight import grantee_of
from coffer_notifier.handlers.telling import UPLOADS, hint_at_changes, wake_streams
from coffer_notifier.handlers.upload_news import of_commit, of_preview
from coffer_notifier.handlers.upload_notices import Upload, tell_of_uploads
from coffer_notifier.store import activity, notices, stream
from coffer_notifier.store.tables import grants, tree

Fact = (
    Envelope[ItemFact]
    | Envelope[ItemPurgedV1]
    | Envelope[PreviewFact]
    | Envelope[ItemDownloadedV1]
    | Envelope[VersionDeletedV1]
)


@dataclass(slots=True)
class _Known:
    """What the copies say about all the facts of one transaction."""

    places: dict[ItemId, Standing]
    given: dict[ItemId, list[Grant]] = field(default_factory=lambda: defaultdict(list))

    def folder(self, folder_id: ItemId | None) -> Folder:
        standing = self.places.get(folder_id) if folder_id else None
        return Folder(folder_id, standing.name, standing.ancestor_ids) if standing else Folder(folder_id, None)

    def given_on(self, item_ids: Iterable[ItemId]) -> list[Grant]:
        return [grant for item_id in set(item_ids) for grant in self.given.get(item_id, ())]


@dataclass(slots=True)
class _Concern:
    """A fact that people hear of, with the places from which it can be seen: the folders above each."""

    unit: Unit
    item_id: ItemId
    owner_id: UserId
    above: list[tuple[ItemId, ...]]

    @property
    def covering(self) -> set[ItemId]:
        return {self.item_id}.union(*self.above)


async def settle(connection: AsyncConnection, batch: Sequence[tuple[Unit, tuple[Fact, Deps]]]) -> None:
    """Note, write down and tell. A step of `Unit.together`; may run twice."""
    asked = [(unit, event) for unit, (event, _) in batch]
    events = [event for _, event in asked]
    await note_all(connection, tree, [event for event in events if isinstance(event.data, (ItemFact, ItemPurgedV1))])
    if purged := [event.data.item_id for event in events if isinstance(event.data, ItemPurgedV1)]:
        await notices.empty_about(connection, purged, asked[0][0].now)
    known = _Known(await standings(connection, tree, _looked_up(events)))
    entries: list[Entry] = []
    concerns: list[tuple[_Concern, Fact]] = []
    for unit, event in asked:
        if isinstance(event.data, ItemDownloadedV1):
            entries.append(entry_of_download(event, new_id()))
        elif isinstance(event.data, VersionDeletedV1):
            entries.append(entry_of_version(event, new_id()))
        elif isinstance(event.data, PreviewFact):
            concerns.append((_concern_of_preview(unit, event.data, known), event))
        elif not isinstance(event.data, ItemChangedV1) or event.data.changes:  # one told again tells nobody anything
            concern, entry = _concern_of_item(unit, event, known)
            concerns.append((concern, event))
            entries += [entry] if entry else []
    await activity.add_all(connection, entries)
    await _tell(connection, concerns, known)
    uploads = [
        Upload(concern.unit, event, event.data, tuple(known.given_on(concern.covering)))
        for concern, event in concerns
        if isinstance(event.data, ItemCommittedV1)
    ]
    await tell_of_uploads(connection, batch[0][1][1], uploads)


def _has_moved(fact: Event) -> TypeGuard[ItemChangedV1 | ItemRestoredV1]:
    """By its own move, or because it came back to another place than it was put away from."""
    if isinstance(fact, ItemRestoredV1):
        return fact.previous_parent_id is not None
    return isinstance(fact, ItemChangedV1) and "parent_id" in fact.changes


def _looked_up(events: Iterable[Fact]) -> set[ItemId]:
    """The items whose places must be known: folders of moves, and files whose facts do not say where they lie."""
    wanted: set[ItemId | None] = set()
    for event in events:
        fact = event.data
        if _has_moved(fact):
            wanted |= {fact.previous_parent_id, fact.parent_id}
        elif isinstance(fact, PreviewFact):
            wanted.add(fact.item_id)
    return {item_id for item_id in wanted if item_id}


def _concern_of_item(unit: Unit, event: Happening, known: _Known) -> tuple[_Concern, Entry | None]:
    """Those who could see it where it was hear of a move, too."""
    fact = event.data
    before, after = NOWHERE, NOWHERE
    if _has_moved(fact):
        before, after = known.folder(fact.previous_parent_id), known.folder(fact.parent_id)
    above = [fact.ancestor_ids]
    if before.id:
        above.append((*before.ancestor_ids, before.id))
    return _Concern(unit, fact.item_id, fact.owner_id, above), entry_of_item(event, new_id(), before, after)


def _concern_of_preview(unit: Unit, fact: PreviewFact, known: _Known) -> _Concern:
    standing = known.places.get(fact.item_id)
    return _Concern(unit, fact.item_id, fact.owner_id, [standing.ancestor_ids if standing else fact.ancestor_ids])


async def _tell(connection: AsyncConnection, concerns: Sequence[tuple[_Concern, Fact]], known: _Known) -> None:
    if not concerns:
        return
    for grant in await grants_on(connection, grants, set[ItemId]().union(*(concern.covering for concern, _ in concerns))):
        known.given[grant.item_id].append(grant)
    told: list[stream.Told] = []
    readers: set[UserId] = set()
    for concern, event in concerns:
        given = known.given_on(concern.covering)
        readers |= readers_among(given, concern.item_id, concern.owner_id, concern.above, concern.unit.now)
        told += _news(concern, event, given, known)
    first = concerns[0][0].unit
    await stream.add(connection, told, first.now)
    await hint_at_changes(first, readers)
    wake_streams(first)


def _news(concern: _Concern, event: Fact, given: Sequence[Grant], known: _Known) -> list[stream.Told]:
    """What the streams of those who uploaded are told of."""
    if isinstance(event.data, PreviewFact):
        standing = known.places.get(concern.item_id)
        data = of_preview(event.data, standing.name if standing else None)
        return [stream.Told(person, UPLOADS, "upload", data) for person in sorted(_followers(concern, event, given, standing))]
    committed = of_commit(event.data)
    return [stream.Told(_actor(event) or concern.owner_id, UPLOADS, "upload", committed)] if committed else []


def _followers(concern: _Concern, event: Fact, given: Sequence[Grant], standing: Standing | None) -> set[UserId]:
    """The owner, and whoever uploaded the file as long as they may read it."""
    uploader = _actor(event)
    if uploader is None:
        return {concern.owner_id}
    place = standing.place if standing else Place(concern.item_id, concern.owner_id, concern.above[0])
    grantee = grantee_of(uploader)
    may_read = Rights.READ in rights_on(place, grantee, given, concern.unit.now)
    return {concern.owner_id, uploader} if may_read else {concern.owner_id}


def _actor(event: Fact) -> UserId | None:
    return UserId(event.actorid) if event.actorid and event.actorkind in {"user", "token"} else None
