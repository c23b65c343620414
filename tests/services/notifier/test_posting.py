"""Mail through a real SES: what arrives there, from whom it is taken, and which refusals are final."""

from email import message_from_bytes
from typing import Any

import pytest
from botocore.exceptions import ClientError

from coffer_chassis.aws import open_mail_client
from coffer_chassis.ids import new_id
from coffer_chassis.provision import Provisioner
from coffer_chassis.topology import ServiceTopology, Topology
from coffer_notifier.domain.letters import mime_of
from coffer_notifier.domain.letters_share import ShareNews, share_letter
from coffer_notifier.handlers.deps import MailRefused
from coffer_notifier.posting import SesPost
from factories.cloud import Cloud
from factories.events import NOON
from factories.moto_cloud import MotoCloud
from factories.notifier import notifier_on
from factories.telling import Share, drive, registered, user_id

SENDER = "Coffer <coffer@example.org>"

pytestmark = pytest.mark.slow


def topology(tag: str) -> Topology:
    return Topology(f"mail-{tag}", (ServiceTopology(f"notifier-{tag}", sends_mail=True), ServiceTopology(f"files-{tag}")))


def mail(to: str) -> bytes:
    news = ShareNews("Böb", "Ann", "ann", "Æøå 🌅", "folder", "editor", "Look:\nhere", NOON, "https://x.example/app/items/1")
    return mime_of(share_letter(to, news), sender=SENDER, message_id=f"<{new_id()}@x.example>", at=NOON)


async def test_ses_receives_what_was_written(cloud: Cloud, tag: str) -> None:
    given = cloud.provision(topology(tag))
    Provisioner(topology(tag), cloud.admin, (), SENDER).run()
    Provisioner(topology(tag), cloud.admin, (), SENDER).run()
    to = f"bob-{tag}@example.org"
    async with open_mail_client(given[f"notifier-{tag}"]) as client:
        ses_id = await SesPost(client, SENDER).send(mail(to), to=to)
    (received,) = await cloud.mails_to(to)
    assert received["MessageId"] == ses_id
    assert received["Source"] == SENDER
    assert received["Subject"] == "Ann (ann) shared “Æøå 🌅” with you"
    assert "> Look:\n> here" in received["BodyText"].replace("\r\n", "\n")
    assert "Look:<br>here" in received["BodyHtml"]


async def test_only_a_service_that_sends_mail_may_and_only_from_its_own_address(cloud: Cloud, tag: str) -> None:
    given = cloud.provision(topology(tag))
    Provisioner(topology(tag), cloud.admin, (), SENDER).run()
    to = f"eve-{tag}@example.org"
    async with open_mail_client(given[f"files-{tag}"]) as client:
        with pytest.raises(ClientError, match="AccessDenied"):
            await SesPost(client, SENDER).send(mail(to), to=to)
    async with open_mail_client(given[f"notifier-{tag}"]) as client:
        with pytest.raises(ClientError, match="not verified"):
            await SesPost(client, "boss@bank.example").send(mail(to), to=to)
    assert await cloud.mails_to(to) == []


async def test_a_share_goes_all_the_way_to_ses(cloud: Cloud, tag: str, store_url_of_notifier: str) -> None:
    given = cloud.provision(topology(tag))
    Provisioner(topology(tag), cloud.admin, (), SENDER).run()
    bob, name = user_id(), f"bob-whole-way-{tag}"
    share = Share(drive(user_id()).below("Plans", "folder"), bob)
    async with notifier_on(store_url_of_notifier) as notifier, open_mail_client(given[f"notifier-{tag}"]) as client:
        object.__setattr__(notifier.deps, "post", SesPost(client, SENDER))
        await notifier.handle(registered(bob, name), share.granted(), share.created(notify=True))
        await notifier.post_all()
        (row,) = await notifier.rows("SELECT state, ses_id FROM mails WHERE user_id = :bob", bob=bob)
        (received,) = await cloud.mails_to(f"{name}@example.org")
        assert (row.state, row.ses_id) == ("sent", received["MessageId"])


async def test_a_second_aws_takes_the_same_calls(moto: MotoCloud, tag: str) -> None:
    Provisioner(topology(tag), moto.admin, (), SENDER).run()
    from moto.ses.models import ses_backends  # noqa: PLC0415  # not before its settings are made, see the fixture

    to, leave = f"bob-{tag}@example.org", "https://x.example/v1/notifications/unsubscribe?token=a.b.c"
    news = ShareNews("Bob", "Ann", "ann", "Plans", "folder", "viewer", None, None, "https://x.example/app/items/1", leave=leave)
    raw = mime_of(share_letter(to, news), sender=SENDER, message_id="<1@x.example>", at=NOON)
    async with open_mail_client(moto.admin) as client:
        ses_id = await SesPost(client, SENDER).send(raw, to=to)
    [taken] = [one for one in ses_backends["123456789012"][moto.admin.region].sent_messages if one.id == ses_id]
    assert set(taken.destinations) == {to}
    read = message_from_bytes(taken.raw_data.encode())
    assert read["List-Unsubscribe"] == f"<{leave}>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read["Message-ID"] == "<1@x.example>"


class FailingClient:
    def __init__(self, code: str) -> None:
        self.code = code

    async def send_email(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "SendEmail")


@pytest.mark.parametrize(
    ("code", "final"),
    [
        ("BadRequestException", True),
        ("MessageRejected", False),
        ("TooManyRequestsException", False),
        ("SendingPausedException", False),
        ("InternalFailure", False),
    ],
)
async def test_which_refusals_are_final(code: str, final: bool) -> None:
    with pytest.raises(MailRefused if final else ClientError):
        await SesPost(FailingClient(code), SENDER).send(b"", to="bob@example.org")


def test_the_whole_mail_is_ascii_with_crlf_lines() -> None:
    raw = mail("bob@example.org")
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert message_from_bytes(raw)["To"] == "bob@example.org"
