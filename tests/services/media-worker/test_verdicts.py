"""What follows from verdicts is one table: the page says it, and the service that serves files keeps to it."""

import re
from pathlib import Path

import pytest

from coffer_files.domain.content import allowed_disposition
from coffer_media_worker.domain import Flag, RejectReason
from coffer_media_worker.verdicts import KEPT, REJECTIONS

PAGE = Path(__file__).parents[3] / "docs" / "verdicts.md"


def test_every_reason_and_every_flag_has_its_consequence() -> None:
    assert set(REJECTIONS) == set(RejectReason)
    assert set(KEPT) == set(Flag)


@pytest.mark.parametrize("flag", Flag)
def test_files_are_served_as_their_flags_say(flag: Flag) -> None:
    assert allowed_disposition("inline", "image/jpeg", [flag.value]) == ("inline" if KEPT[flag].inline else "attachment")


def test_the_page_is_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    reasons = [(reason.value, sentence) for reason, sentence in REJECTIONS.items()]
    flags = [(flag.value, f"{kept.meaning} | {'yes' if kept.inline else 'no'}") for flag, kept in KEPT.items()]
    released = ("released", "it was refused, and an operator let it in | no")
    assert rows == [*reasons, *flags, released]
