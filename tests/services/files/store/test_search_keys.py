"""The store and the service bring names to the same form: what one keeps, the other asks for."""

import unicodedata

import pytest
from sqlalchemy import ARRAY, Text, bindparam, text

from coffer_files.domain.names import name_key
from coffer_files.domain.searching import fold
from coffer_files.store.tables.items import FOLDED
from factories.files import Files

FIRST_WITHOUT_NAMES = 0xE0000
"""What lies above are marks of languages, and room for private use."""


@pytest.mark.slow
async def test_every_character_is_folded_alike_by_the_store_and_by_the_service(files: Files) -> None:
    known = [
        chr(point)
        for point in range(0x20, FIRST_WITHOUT_NAMES)
        if unicodedata.category(chr(point)) not in {"Cc", "Cn", "Cs", "Co"}
    ]
    keys = [name_key(character) for character in known]
    asked = "unnest(:keys) WITH ORDINALITY AS asked (name_key, place)"
    query = text(f"SELECT {FOLDED} FROM {asked} ORDER BY place")
    rows = await files.rows(query.bindparams(bindparam("keys", keys, type_=ARRAY(Text))))
    different = [(hex(ord(one)), row[0], fold(one)) for one, row in zip(known, rows, strict=True) if row[0] != fold(one)]
    assert different == []
    assert len(known) > 100_000
