"""The typed model of topics, queues, subscriptions and bucket notifications that provisioning is made from.

Pure data with AWS's limits checked; services declare their part, deploy puts the whole together.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from coffer_chassis.object_keys import checked_prefix

VALUES_PER_FILTER = 150
"""SNS filter policy limit (docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html)."""

FILTERS_PER_TOPIC = 200
"""Each subscription of ours has one (same page)."""

STATEMENTS_PER_POLICY = 20
"""Of a queue: one per topic and one for the bucket (SQS developer guide, policy quotas)."""

NOTIFICATIONS_PER_BUCKET = 100
"""Each reported prefix is one (docs.aws.amazon.com/general/latest/gr/s3.html)."""

MOST_RECEIVES = 1000
"""`maxReceiveCount` of a redrive policy (SQS developer guide, configuring a dead-letter queue)."""

LONGEST_VISIBILITY_SECONDS = 12 * 3600
RETENTION_SECONDS = 4 * 24 * 3600
URGENT = "urgent"
"""The attribute of a message that goes to urgent lanes as well; its value is "true"."""
DEAD = "-dead"
"""What the name of a dead-letter queue ends with."""
PRIVATE = "-private"
"""What the name of a topic of private commands ends with."""
DEAD_RETENTION_SECONDS = 14 * 24 * 3600
"""SQS keeps the first enqueue time of a message that moves to a dead-letter queue, so this must be the longest."""

_TOPIC = re.compile("[A-Za-z0-9_-]{1,256}")
_QUEUE = re.compile("[A-Za-z0-9_-]{1,80}")
_BUCKET = re.compile(r"(?!.*\.\.|(?:\d+\.){3}\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
"""Names as SNS (CreateTopic), SQS (CreateQueue) and S3 (bucket naming rules) take them."""

_BUCKET_BEGINNINGS = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
"""What S3 keeps for itself."""


@dataclass(frozen=True)
class Lane:
    """One queue with its dead-letter queue: one kind of work of one service."""

    queue: str
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Topic -> exact event types."""
    storage_prefixes: tuple[str, ...] = ()
    """Object key prefixes whose creation the bucket reports straight to this queue."""
    visibility_seconds: int = 60
    max_receives: int = 5
    private: bool = False
    """It reads private topics, and those alone; what lies in its dead letters is shown to nobody."""
    urgent: bool = False
    """It hears of its types only what was emitted as urgent. An addition to a lane that hears all of them, which is where
    everything arrives in any case: this one is only sooner while there is a crowd on the other.
    """

    @property
    def dead_queue(self) -> str:
        """Name of the dead-letter queue."""
        return f"{self.queue}{DEAD}"

    def filters(self, topic: str) -> dict[str, list[str]]:
        """The filter policy of its subscription to a topic: attribute -> values, all of which must match."""
        return {"type": list(self.reads[topic]), **({URGENT: ["true"]} if self.urgent else {})}

    def hears(self, topic: str, attributes: Mapping[str, str]) -> bool:
        """Whether a message with these attributes passes that filter."""
        return topic in self.reads and all(attributes.get(name) in values for name, values in self.filters(topic).items())


@dataclass(frozen=True)
class BlobAccess:
    """What a service may do below one key prefix; the least that works."""

    prefix: str
    read: bool = False
    write: bool = False
    delete: bool = False
    tidy: bool = False
    """Look for multipart uploads that were never finished, and abort them."""


@dataclass(frozen=True)
class ServiceTopology:
    """What one service needs of the cloud."""

    service: str
    lanes: tuple[Lane, ...] = ()
    blobs: tuple[BlobAccess, ...] = ()
    sends_mail: bool = False
    sends_to_queues: bool = False
    """It sends to queues of others, whose owners permit it."""
    subscribes_queues: bool = False
    """Its operators subscribe queues of others to the topics of facts."""
    sends_privately: bool = False
    """It has a topic for private commands beside that of its facts."""

    @property
    def topic(self) -> str:
        """The topic that only this service may publish to."""
        return f"{self.service}-events"

    @property
    def private_topic(self) -> str | None:
        """The topic of its private commands: only this service may publish to it, only private lanes may subscribe."""
        return f"{self.service}{PRIVATE}" if self.sends_privately else None

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic that it publishes to."""
        return (self.topic,) if self.private_topic is None else (self.topic, self.private_topic)


@dataclass(frozen=True)
class Topology:
    """Everything that provisioning creates. Raises ValueError for what AWS would refuse or lose."""

    bucket: str
    services: tuple[ServiceTopology, ...]

    def __post_init__(self) -> None:
        names = [service.service for service in self.services]
        names += [name for lane in self.lanes for name in (lane.queue, lane.dead_queue)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"declared twice: {', '.join(sorted(twice))}")
        topics = {topic for service in self.services for topic in service.topics}
        _check_names(self.bucket, topics, names[len(self.services) :])
        for lane in self.lanes:
            _check(lane, topics)
        for topic in topics:
            if (readers := sum(topic in lane.reads for lane in self.lanes)) > FILTERS_PER_TOPIC:
                raise ValueError(f"{readers} lanes read {topic}; SNS takes {FILTERS_PER_TOPIC} filters per topic")
        for access in itertools.chain.from_iterable(service.blobs for service in self.services):
            checked_prefix(access.prefix)
        prefixes = sorted(prefix for lane in self.lanes for prefix in lane.storage_prefixes)
        if len(prefixes) > NOTIFICATIONS_PER_BUCKET:
            raise ValueError(f"{len(prefixes)} prefixes are reported; S3 takes {NOTIFICATIONS_PER_BUCKET} per bucket")
        for shorter, longer in itertools.pairwise(prefixes):
            if longer.startswith(shorter):
                raise ValueError(f"bucket notifications overlap at {longer}; S3 takes one destination each")

    @property
    def private_topics(self) -> frozenset[str]:
        """The topics of private commands, of all services."""
        return frozenset(service.private_topic for service in self.services if service.private_topic is not None)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Every lane of every service."""
        return tuple(lane for service in self.services for lane in service.lanes)

    def only(self, *services: str) -> "Topology":
        """The part of some services, without subscriptions to topics of the others; for tests of one service."""
        kept = tuple(service for service in self.services if service.service in services)
        topics = {topic for service in kept for topic in service.topics}
        return Topology(self.bucket, tuple(replace(service, lanes=_reading_only(service.lanes, topics)) for service in kept))


def _check_names(bucket: str, topics: set[str], queues: list[str]) -> None:
    if not _BUCKET.fullmatch(bucket) or bucket.startswith(_BUCKET_BEGINNINGS) or bucket.endswith(_BUCKET_ENDS):
        raise ValueError(f"S3 takes no bucket called {bucket!r}")
    for topic in topics:
        if not _TOPIC.fullmatch(topic):
            raise ValueError(f"SNS takes no topic called {topic!r}")
    for queue in queues:
        if not _QUEUE.fullmatch(queue):
            raise ValueError(f"SQS takes no queue called {queue!r}")


def _check(lane: Lane, topics: set[str]) -> None:
    if not 0 < lane.visibility_seconds <= LONGEST_VISIBILITY_SECONDS:
        raise ValueError(f"{lane.queue}: SQS hides for 1 s to 12 h")
    if not 1 <= lane.max_receives <= MOST_RECEIVES:
        raise ValueError(f"{lane.queue}: a message is received at least once, and SQS counts to {MOST_RECEIVES}")
    if len(lane.reads) + bool(lane.storage_prefixes) > STATEMENTS_PER_POLICY:
        raise ValueError(f"{lane.queue} has too many sources; SQS takes {STATEMENTS_PER_POLICY} statements in its policy")
    for prefix in lane.storage_prefixes:
        checked_prefix(prefix)
    if any(topic.endswith(PRIVATE) != lane.private for topic in lane.reads):
        raise ValueError(f"{lane.queue}: a private lane reads private topics and no others, and no other lane reads one")
    for topic, types in lane.reads.items():
        if topic not in topics:
            raise ValueError(f"{lane.queue} reads {topic}, which nobody publishes")
        if not 0 < len(types) <= VALUES_PER_FILTER:
            raise ValueError(f"{lane.queue} filters {len(types)} types of {topic}; SNS takes 1 to 150")


def _reading_only(lanes: tuple[Lane, ...], topics: set[str]) -> tuple[Lane, ...]:
    return tuple(
        replace(lane, reads={topic: types for topic, types in lane.reads.items() if topic in topics}) for lane in lanes
    )
