"""Why uploads and photos are not taken: whatever word a service gives, mail has a sentence for it in each language."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import coffer_files
from coffer_files.domain.landing import LandingFault
from coffer_files.domain.upload_states import ConflictReason
from coffer_media_worker.domain import RejectReason
from coffer_media_worker.handlers.photos import DETAILS
from coffer_notifier.domain.languages import LANGUAGES

TOLD_OF = {"expired", "failed", "rejected", "conflict"}
"""States of uploads of which people are told."""


def reasons_in_code() -> Iterator[str]:
    """What files says by `enter(upload, state, ..., reason="...")`."""
    for path in Path(coffer_files.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            states = {one.value for one in node.args if isinstance(one, ast.Constant)}
            for given in node.keywords:
                if given.arg == "reason" and isinstance(given.value, ast.Constant) and states & TOLD_OF:
                    yield str(given.value.value)


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_every_word_that_services_give_has_a_sentence(code: str) -> None:
    spelled = set(reasons_in_code())
    assert {"no_verdict", "size_mismatch", "created_too_long"} <= spelled
    words = {*get_args(ConflictReason), *get_args(LandingFault), *RejectReason, *map(str, DETAILS), *spelled}
    assert words == set(LANGUAGES[code].reasons)
