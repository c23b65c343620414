"""Asks SNS about subscriptions to the topics of Coffer's services, and changes those of operators."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from coffer_notifier.handlers.deps import TopicsAway

_GONE = frozenset({"NotFound", "NotFoundException"})


class SnsTopics:
    """Topics behind a client of `aws.open_topic_client`. Their ARNs are looked up once."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._arns: dict[str, str] = {}

    async def arn_of(self, topic: str) -> str:
        """See Topics."""
        if topic not in self._arns:
            with _translating():
                async for page in self._client.get_paginator("list_topics").paginate():
                    for entry in page.get("Topics", ()):
                        self._arns[entry["TopicArn"].rsplit(":", 1)[1]] = entry["TopicArn"]
        if topic not in self._arns:
            raise TopicsAway("topic_missing", f"{topic} does not exist")
        return self._arns[topic]

    async def subscribers(self, topic: str) -> Mapping[str, str]:
        """See Topics."""
        found: dict[str, str] = {}
        arn = await self.arn_of(topic)
        with _translating():
            async for page in self._client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn):
                for entry in page.get("Subscriptions", ()):
                    found[entry["Endpoint"]] = entry["SubscriptionArn"]
        return found

    async def subscribe(self, topic: str, queue: str, values: Mapping[str, str]) -> str:
        """See Topics."""
        arn = await self.arn_of(topic)
        given = {name: value for name, value in values.items() if value and value != "{}"}
        with _translating():
            answer = await self._client.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes=given)
        return str(answer["SubscriptionArn"])

    async def change(self, arn: str, values: Mapping[str, str]) -> None:
        """See Topics."""
        for name, value in values.items():
            with _translating():
                await self._client.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)

    async def unsubscribe(self, arn: str) -> None:
        """See Topics."""
        with _translating(fine=_GONE):
            await self._client.unsubscribe(SubscriptionArn=arn)


@contextmanager
def _translating(*, fine: frozenset[str] = frozenset()) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code not in fine:
            raise TopicsAway(code or "refused", str(error)) from error
    except (BotoCoreError, OSError, TimeoutError) as error:
        raise TopicsAway("not_connected", str(error)) from error
