"""Mail about webhooks that were turned off: said in every language, and nothing in it can break it."""

import re
from dataclasses import replace

import pytest

from coffer_notifier.domain.letters_account import LANGUAGES
from coffer_notifier.domain.letters_webhook import TurnedOff, webhook_letter

REASONS = {"failing", "gone", "queue", "taken_down"}


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("reason", sorted(REASONS))
def test_a_language_says_why_one_was_turned_off(code: str, reason: str) -> None:
    assert set(LANGUAGES[code].webhooks) == REASONS
    news = TurnedOff("<b>Ann</b>\r\nBcc: x@example.org", code, "https://coffer.example.org", "hooks.example.org", reason)
    news = replace(news, detail="Spams\r\nsomebody.")
    letter = webhook_letter("ann@example.org", news)
    assert "hooks.example.org" in letter.text
    assert "coffer.example.org" in letter.text
    assert "<b>" not in letter.html
    assert "\n" not in letter.subject
    assert not re.search(r"[{}]", letter.text)
    assert ("Spams somebody." in letter.text) == (reason == "taken_down")
    assert f'lang="{code}"' in letter.html


def test_no_two_languages_say_the_same() -> None:
    for reason in REASONS:
        assert len({language.webhooks[reason].body for language in LANGUAGES.values()}) == len(LANGUAGES) > 1
