"""What a search asks of an item beside its name, as conditions on a row of items."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ARRAY, and_, bindparam, exists, literal, not_, or_

from coffer_chassis.tables import Id
from coffer_contracts.ids import UserId
from coffer_files.domain.searching import Filters
from coffer_files.store.tables import grants, marks
from coffer_files.store.tables.base import Key


def passes(rows: Any, filters: Filters, user_id: UserId) -> list[Any]:
    """All that is asked; `user_id` is who asks."""
    return [*_of_content(rows, filters), *_of_time(rows, filters), *_of_people(rows, filters, user_id)]


def _of_content(rows: Any, filters: Filters) -> Iterator[Any]:
    if filters.kind:
        yield rows.c.kind == filters.kind
    if filters.media_kinds:
        yield rows.c.media_kind.in_(filters.media_kinds)
    if filters.tag_keys:
        wanted = bindparam(None, [*filters.tag_keys], type_=ARRAY(Key), unique=True)
        yield rows.c.tag_keys.op("@>", is_comparison=True)(wanted)
    if filters.size_min is not None:
        yield and_(rows.c.kind == "file", rows.c.size_bytes >= filters.size_min)
    if filters.size_max is not None:
        yield and_(rows.c.kind == "file", rows.c.size_bytes <= filters.size_max)


def _of_time(rows: Any, filters: Filters) -> Iterator[Any]:
    if filters.modified_after is not None:
        yield rows.c.modified_at > filters.modified_after
    if filters.modified_before is not None:
        yield rows.c.modified_at < filters.modified_before


def _of_people(rows: Any, filters: Filters, user_id: UserId) -> Iterator[Any]:
    me = literal(user_id, Id)
    if filters.shared is not None:
        given = exists().where(grants.c.item_id == rows.c.id, grants.c.removed_at.is_(None))
        reached = rows.c.owner_id != me
        yield or_(reached, given) if filters.shared else and_(not_(reached), not_(given))
    if filters.favourite is not None:
        mark = exists().where(marks.c.item_id == rows.c.id, marks.c.user_id == me, marks.c.favourite_at.is_not(None))
        yield mark if filters.favourite else not_(mark)
