"""Hands mail to SES, as whole messages (SES API v2, SendEmail with raw content)."""

from typing import Any

from botocore.exceptions import ClientError

from coffer_notifier.handlers.deps import MailRefused

_FINAL = frozenset({"BadRequestException", "InvalidParameterValue", "ValidationException", "NotFoundException"})
"""Asking the same again will not help. A refused sender may be verified any moment, so `MessageRejected` is none of them."""


class SesPost:
    """The provider behind a client of `aws.open_mail_client`."""

    def __init__(self, client: Any, sender: str) -> None:
        self._client = client
        self._sender = sender

    async def send(self, mail: bytes, *, to: str) -> str:
        """See Post. The provider may put a Message-ID of its own in place of ours; its answer names that one."""
        try:
            answer = await self._client.send_email(
                FromEmailAddress=self._sender, Destination={"ToAddresses": [to]}, Content={"Raw": {"Data": mail}}
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _FINAL:
                raise MailRefused(str(error)) from error
            raise
        return str(answer["MessageId"])
