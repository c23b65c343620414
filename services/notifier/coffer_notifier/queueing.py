"""Sends to queues of subscribers: SQS of AWS in the region that the queue's ARN names, or the local cloud's; nothing else."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ReadTimeoutError,
)

from coffer_chassis.aws import AwsAccess, open_queue_client
from coffer_notifier.domain.addresses import AddressRefused
from coffer_notifier.domain.queues import QueueAddress, QueueLetter, Sender, accept_queue
from coffer_notifier.handlers.deps import Answer, CallFailed

LIMIT_SECONDS = 15

_BY_CODE = {
    "AWS.SimpleQueueService.NonExistentQueue": "queue_gone",
    "QueueDoesNotExist": "queue_gone",
    "QueueDeletedRecently": "queue_gone",
    "AWS.SimpleQueueService.QueueDeletedRecently": "queue_gone",
    "AccessDenied": "access_denied",
    "AccessDeniedException": "access_denied",
    "Throttling": "throttled",
    "ThrottlingException": "throttled",
    "RequestThrottled": "throttled",
    "OverLimit": "throttled",
}
"""Codes of SQS (API reference, SendMessage and common errors) -> the word that the log of deliveries shows."""
_KMS = "KMS."
"""Codes of a queue whose key Coffer may not use begin so."""
_TOO_LONG = "must be shorter than"
"""Stands in the one sentence by which SQS tells a message that is too long from other bad values."""
SENT = 200


class SqsQueues:
    """Queues in any region, with one client for each region that was used. Closed by `aclose`."""

    def __init__(
        self,
        access: AwsAccess,
        principal: str | None,
        *,
        at_once: int,
        limit_seconds: float = LIMIT_SECONDS,
    ) -> None:
        """`principal` is as whom AWS sees Coffer; without it there are no queues. `at_once` bounds connections to a region."""
        self._open = AsyncExitStack()
        self._access = access
        self._at_once = at_once
        self._limit_seconds = limit_seconds
        self._clients: dict[str, Any] = {}
        self._opening = asyncio.Lock()
        self.sender = Sender(principal) if principal else None
        self.is_secure = access.endpoint_url is None

    def accept(self, arn: str) -> QueueAddress:
        """See Queues."""
        if self.sender is None:
            raise AddressRefused("queues_are_off", "This installation sends to no queues.")
        queue = accept_queue(arn, self.sender)
        if self._access.endpoint_url and queue.region != self._access.region:
            raise AddressRefused("address_not_allowed", f"The local cloud has queues in {self._access.region} only.")
        return queue

    async def aclose(self) -> None:
        """Close all clients."""
        await self._open.aclose()

    async def send(self, arn: str, letter: QueueLetter) -> Answer:
        """See Queues."""
        try:
            async with asyncio.timeout(self._limit_seconds):
                queue = self.accept(arn)
                client = await self._client(queue)
                answer = await client.send_message(**self._message(queue, letter))
        except AddressRefused as error:
            raise CallFailed(error.code) from error
        except ClientError as error:
            raise CallFailed(_word(error)) from error
        except (TimeoutError, ReadTimeoutError, ConnectTimeoutError) as error:
            raise CallFailed("timeout") from error
        except (EndpointConnectionError, HTTPClientError, OSError) as error:
            raise CallFailed("not_connected") from error
        except (NoCredentialsError, BotoCoreError) as error:
            raise CallFailed("internal") from error
        return Answer(SENT, f"MessageId: {answer['MessageId']}")

    def _message(self, queue: QueueAddress, letter: QueueLetter) -> dict[str, Any]:
        order = {"MessageGroupId": letter.line, "MessageDeduplicationId": letter.once} if queue.is_fifo else {}
        return {
            "QueueUrl": f"{(self._access.endpoint_url or queue.endpoint).rstrip('/')}{queue.path}",
            "MessageBody": letter.body,
            "MessageAttributes": {name: {"DataType": kind, "StringValue": value} for name, kind, value in letter.attributes},
            **order,
        }

    async def _client(self, queue: QueueAddress) -> Any:
        async with self._opening:
            if queue.region not in self._clients:
                opening = open_queue_client(self._access, region=queue.region, endpoint=queue.endpoint, at_once=self._at_once)
                self._clients[queue.region] = await self._open.enter_async_context(opening)
            return self._clients[queue.region]


def _word(error: ClientError) -> str:
    told = error.response.get("Error", {})
    code, sentence = str(told.get("Code", "")), str(told.get("Message", ""))
    if code.startswith(_KMS):
        return "key_denied"
    if _TOO_LONG in sentence:
        return "too_large"
    return _BY_CODE.get(code, "refused")
