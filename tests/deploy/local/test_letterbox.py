"""Mail of a local run: a file each, for its owner, and no more of them than are kept."""

import stat
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from coffer_chassis import metrics
from coffer_local import letterbox
from coffer_local.letterbox import Letterbox


def mail(number: int, **changes: Any) -> dict[str, Any]:
    """As the local cloud lists it."""
    listed = {
        "MessageId": f"01a1f86a-a0e0-7675-95c4-{number:012x}@email.amazonses.com",
        "Source": "Coffer <coffer@localhost>",
        "To": ["ann@example.org"],
        "Subject": "Confirm your e-mail address",
        "BodyText": f"https://coffer.example/app/verify#token=cof_mail_{'x' * 60}{number}",
        "BodyHtml": "<p>Grüße</p>",
        "Timestamp": 1_795_000_000.0 + number,
    }
    return listed | changes


class Cloud:
    """What was sent, and how often somebody asked."""

    def __init__(self, *mails: dict[str, Any]) -> None:
        self.mails = list(mails)
        self.asked = 0

    async def sent(self) -> list[dict[str, Any]]:
        self.asked += 1
        return self.mails


def read(path: Path) -> EmailMessage:
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


async def test_a_mail_becomes_a_file_that_its_owner_alone_may_read(tmp_path: Path) -> None:
    box = Letterbox(tmp_path / "mail", Cloud(mail(1)).sent)
    assert await box.collect() == 1
    [path] = (tmp_path / "mail").iterdir()
    assert "ann@example.org" in path.name
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    letter = read(path)
    assert (letter["To"], letter["Subject"]) == ("ann@example.org", "Confirm your e-mail address")
    text, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == mail(1)["BodyText"]
    assert mail(1)["BodyText"] in path.read_text(), "the link can be copied from the file itself"
    assert html.get_content().strip() == "<p>Grüße</p>"


async def test_two_mails_of_one_second_to_one_address_are_two_files(tmp_path: Path) -> None:
    same = {"Timestamp": 1_795_000_000.0}
    assert await Letterbox(tmp_path / "mail", Cloud(mail(1, **same), mail(2, **same)).sent).collect() == 2
    assert len(list((tmp_path / "mail").iterdir())) == 2


async def test_the_cloud_is_asked_again_only_when_something_was_sent(tmp_path: Path) -> None:
    cloud = Cloud(mail(1))
    box = Letterbox(tmp_path / "mail", cloud.sent)
    assert [await box.collect(), await box.collect()] == [1, 0]
    assert cloud.asked == 1
    cloud.mails.append(mail(2))
    metrics.MAILS.labels("sent").inc()
    assert await box.collect() == 1
    assert len(list((tmp_path / "mail").iterdir())) == 2


async def test_without_a_notifier_here_the_cloud_is_asked_every_time(tmp_path: Path) -> None:
    cloud = Cloud()
    box = Letterbox(tmp_path / "mail", cloud.sent, own_notifier=False)
    await box.collect()
    cloud.mails.append(mail(1))
    assert await box.collect() == 1


async def test_a_start_that_remembers_old_mail_writes_none_of_it_twice(tmp_path: Path) -> None:
    cloud = Cloud(mail(1), mail(2))
    await Letterbox(tmp_path / "mail", cloud.sent).collect()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "mail").iterdir()}
    await Letterbox(tmp_path / "mail", cloud.sent).collect()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "mail").iterdir()} == before


async def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letterbox, "KEPT", 3)
    await Letterbox(tmp_path / "mail", Cloud(*(mail(number) for number in range(2))).sent).collect()
    await Letterbox(tmp_path / "mail", Cloud(*(mail(number) for number in range(5))).sent).collect()
    subjects = sorted(read(path).get_body(("plain",)).get_content().strip()[-1] for path in (tmp_path / "mail").iterdir())  # type: ignore[union-attr]  # each has one
    assert subjects == ["2", "3", "4"]


@pytest.mark.parametrize("address", ["../../etc/x@example.org", "a\nb@example.org", "x" * 300, "ä@example.org"])
async def test_whatever_stands_in_a_mail_it_is_one_file_in_the_folder(tmp_path: Path, address: str) -> None:
    box = Letterbox(tmp_path / "mail", Cloud(mail(1, To=[address], Subject="one\r\nBcc: other@example.org")).sent)
    assert await box.collect() == 1
    [path] = (tmp_path / "mail").iterdir()
    assert read(path)["Bcc"] is None
