"""Creates topics, queues, policies, subscriptions and the bucket from the topology. Idempotent: run it at every start.

By the SDK's clients that wait, because it runs before the event loop has anything to do.
"""

import json
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

import structlog
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from coffer_chassis.aws import AwsAccess, sdk_models
from coffer_chassis.topology import DEAD, DEAD_RETENTION_SECONDS, RETENTION_SECONDS, Lane, Topology

MULTIPART_DAYS = 8
"""More than an upload can be kept open by activity: the bucket must not throw parts away that somebody still adds to. Uploads
that end sooner have theirs aborted by the service.
"""

QUARANTINE_DAYS = 7

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Provisioner:
    """Brings a cloud to the state that a topology describes. Needs operator rights; services run without them."""

    topology: Topology
    access: AwsAccess
    web_origins: tuple[str, ...] = ()
    """Origins of web pages that may PUT to and GET from the bucket (CORS)."""
    mail_from: str | None = None
    """The address that services with `sends_mail` write from; SES is asked to verify it."""

    def run(self) -> None:
        """Create or correct everything. Queues exist before topics feed them, and topics before anyone publishes."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        )
        session = Session()
        session.register_component("data_loader", sdk_models())

        def client(name: str) -> Any:
            return session.create_client(name, config=config, **self.access.client_arguments(name))

        sns, sqs, s3 = map(client, ("sns", "sqs", "s3"))
        names = [topic for service in self.topology.services for topic in service.topics]
        topics = {name: sns.create_topic(Name=name)["TopicArn"] for name in names}
        _bucket(s3, self.topology.bucket, self.access.region)
        notifications: list[dict[str, Any]] = []
        private: dict[str, list[str]] = {name: [] for name in self.topology.private_topics}
        for lane in self.topology.lanes:
            arn = self._lane(sqs, lane, topics)
            for topic in lane.reads:
                _subscribe(sns, topics[topic], arn, lane.filters(topic))
                if lane.private:
                    private[topic].append(arn)
            notifications += [_notification(arn, lane.queue, prefix) for prefix in lane.storage_prefixes]
        for topic, readers in private.items():
            policy = json.dumps(private_topic_policy(topics[topic], readers))
            sns.set_topic_attributes(TopicArn=topics[topic], AttributeName="Policy", AttributeValue=policy)
        s3.put_bucket_notification_configuration(
            Bucket=self.topology.bucket, NotificationConfiguration={"QueueConfigurations": notifications}
        )
        self._lifecycle(s3)
        self._cors(s3)
        if self.mail_from and any(service.sends_mail for service in self.topology.services):
            _identity(client("sesv2"), self.mail_from)
        log.info("provisioned", topics=len(topics), queues=2 * len(self.topology.lanes))

    def _lane(self, sqs: Any, lane: Lane, topics: dict[str, str]) -> str:
        dead_arn = _queue(sqs, lane.dead_queue, {"MessageRetentionPeriod": str(DEAD_RETENTION_SECONDS)})
        arn = _queue(
            sqs,
            lane.queue,
            {
                "MessageRetentionPeriod": str(RETENTION_SECONDS),
                "VisibilityTimeout": str(lane.visibility_seconds),
                "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": lane.max_receives}),
            },
        )
        read = [topics[topic] for topic in lane.reads]
        _permit(sqs, lane.queue, queue_policy(arn, read, self._bucket_arn(lane)))
        # What SNS cannot deliver goes there, too.
        _permit(sqs, lane.dead_queue, queue_policy(dead_arn, read, None))
        return arn

    def _bucket_arn(self, lane: Lane) -> str | None:
        return f"arn:aws:s3:::{self.topology.bucket}" if lane.storage_prefixes else None

    def _lifecycle(self, s3: Any) -> None:
        rules = [
            {
                "ID": "abort-multiparts",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": MULTIPART_DAYS},
            },
            {
                "ID": "quarantine",
                "Status": "Enabled",
                "Filter": {"Prefix": "quarantine/"},
                "Expiration": {"Days": QUARANTINE_DAYS},
            },
        ]
        s3.put_bucket_lifecycle_configuration(Bucket=self.topology.bucket, LifecycleConfiguration={"Rules": rules})

    def _cors(self, s3: Any) -> None:
        rule = {
            "AllowedMethods": ["GET", "HEAD", "PUT", "POST"],
            "AllowedOrigins": list(self.web_origins),
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "x-amz-checksum-sha256"],
            "MaxAgeSeconds": 3600,
        }
        if self.web_origins:
            s3.put_bucket_cors(Bucket=self.topology.bucket, CORSConfiguration={"CORSRules": [rule]})


def queue_policy(queue_arn: str, topic_arns: list[str], bucket_arn: str | None) -> dict[str, Any]:
    """Who may send to a queue: the topics it reads and the bucket that reports to it, each by `aws:SourceArn`."""
    statements = [_allow("sns.amazonaws.com", queue_arn, arn) for arn in sorted(topic_arns)]
    if bucket_arn:
        statements.append(_allow("s3.amazonaws.com", queue_arn, bucket_arn))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(principal: str, queue_arn: str, source_arn: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
    }


def private_topic_policy(topic_arn: str, queue_arns: list[str]) -> dict[str, Any]:
    """Nobody, whatever rights they have, subscribes anything but these queues to a topic of private commands. Who may publish
    says the policy of each service (SNS developer guide, access control; condition key `sns:Endpoint`).
    """
    others = {"StringNotEquals": {"sns:Endpoint": sorted(queue_arns)}} if queue_arns else {}
    deny = {
        "Sid": "ReadersOnly",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sns:Subscribe",
        "Resource": topic_arn,
        # Every subscription says where to; asked for apart, so that a cloud which does not tell refuses nobody.
        "Condition": {**others, "Null": {"sns:Endpoint": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [deny]}


def _identity(ses: Any, sender: str) -> None:
    try:
        ses.create_email_identity(EmailIdentity=parseaddr(sender)[1])
    except ses.exceptions.AlreadyExistsException:
        return


def _queue(sqs: Any, name: str, attributes: dict[str, str]) -> str:
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    else:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def _permit(sqs: Any, queue: str, policy: dict[str, Any]) -> None:
    # AWS takes no policy without statements; an empty text removes the one that was there.
    text = json.dumps(policy) if policy["Statement"] else ""
    sqs.set_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], Attributes={"Policy": text})


def _subscribe(sns: Any, topic_arn: str, queue_arn: str, filters: dict[str, list[str]]) -> None:
    wanted = {
        # Errors of the client kind, such as a policy that denies, SNS does not try again (developer guide, delivery retries):
        # without a dead-letter queue of its own the message would be gone.
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{queue_arn}{DEAD}"}),
        "RawMessageDelivery": "true",
        "FilterPolicyScope": "MessageAttributes",
        "FilterPolicy": json.dumps(filters),
    }
    existing = [
        entry["SubscriptionArn"]
        for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
        for entry in page.get("Subscriptions", ())
        if entry["Endpoint"] == queue_arn
    ]
    if not existing:
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, Attributes=wanted, ReturnSubscriptionArn=True)
        return
    for arn in existing:
        for name, value in wanted.items():
            sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)


def _bucket(s3: Any, name: str, region: str) -> None:
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if str(error.response.get("Error", {}).get("Code")) not in {"404", "NoSuchBucket", "NotFound"}:
            raise
        extra = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **extra)
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )


def _notification(queue_arn: str, queue: str, prefix: str) -> dict[str, Any]:
    return {
        "Id": f"{queue}-{prefix.strip('/').replace('/', '-')}",
        "QueueArn": queue_arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
    }
