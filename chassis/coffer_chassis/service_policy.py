"""What a service may do in the cloud, as a policy of IAM: the least that works. Pure."""

from typing import Any

from coffer_chassis.topology import ServiceTopology, Topology


def service_policy(
    service: ServiceTopology, topology: Topology, *, account: str, region: str, kms_key_id: str | None = None
) -> dict[str, Any]:
    """The least a service needs: publish to its topics, work its queues, touch its prefixes of the bucket, and use the key that
    encrypts what is in it.
    """
    queues = [name for lane in service.lanes for name in (lane.queue, lane.dead_queue)]
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            # AWS judges a batch by the action of its entries; the local cloud asks for the batch's own name.
            "Action": ["sns:Publish", "sns:PublishBatch"],
            "Resource": [f"arn:aws:sns:{region}:{account}:{topic}" for topic in service.topics],
        },
        {"Effect": "Allow", "Action": ["sns:ListTopics"], "Resource": "*"},
    ]
    if queues:
        statements.append(
            {
                "Effect": "Allow",
                "Action": [
                    "sqs:GetQueueUrl",
                    "sqs:GetQueueAttributes",
                    "sqs:ReceiveMessage",
                    "sqs:SendMessage",
                    "sqs:DeleteMessage",
                    "sqs:DeleteMessageBatch",
                    "sqs:ChangeMessageVisibility",
                    "sqs:ChangeMessageVisibilityBatch",
                ],
                "Resource": [f"arn:aws:sqs:{region}:{account}:{queue}" for queue in queues],
            }
        )
    bucket = f"arn:aws:s3:::{topology.bucket}"
    for access in service.blobs:
        actions = (
            (["s3:GetObject"] if access.read else [])
            + (["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"] if access.write else [])
            + (["s3:DeleteObject"] if access.delete else [])
            + (["s3:AbortMultipartUpload"] if access.tidy and not access.write else [])
        )
        statements.append({"Effect": "Allow", "Action": actions, "Resource": f"{bucket}/{access.prefix}*"})
    if service.sends_mail:
        # A mail that is handed over as a whole needs both (SES developer guide, controlling access). Which identities may
        # be sent from is SES's to check: only verified ones.
        statements.append({"Effect": "Allow", "Action": ["ses:SendEmail", "ses:SendRawEmail"], "Resource": "*"})
    if service.sends_to_queues:
        # In other accounts both sides must permit it. In our own nothing is permitted from this side, so that of all queues
        # here it reaches those only whose own policy names it: none of a service.
        foreign = {"StringNotEquals": {"aws:ResourceAccount": account}}
        statements.append({"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": "*", "Condition": foreign})
    if service.subscribes_queues:
        facts = [f"arn:aws:sns:{region}:{account}:{one.topic}" for one in topology.services]
        statements.append({"Effect": "Allow", "Action": ["sns:Subscribe", "sns:ListSubscriptionsByTopic"], "Resource": facts})
        # Know no resource (service authorization reference, Amazon SNS): whose they are, the service keeps book of.
        ours = ["sns:SetSubscriptionAttributes", "sns:Unsubscribe"]
        statements.append({"Effect": "Allow", "Action": ours, "Resource": "*"})
    if service.blobs:
        # Without it S3 answers HEAD of an absent object with 403 instead of 404.
        statements.append({"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": bucket})
    if service.blobs and kms_key_id is not None:
        # For parts both: S3 reads what was sent to put it together (S3 user guide, SSE-KMS and multipart uploads).
        key = kms_key_id if kms_key_id.startswith("arn:") else f"arn:aws:kms:{region}:{account}:key/{kms_key_id}"
        statements.append({"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key})
    if any(access.tidy for access in service.blobs):
        # Knows no condition on the prefix (service authorization reference, Amazon S3).
        statements.append({"Effect": "Allow", "Action": ["s3:ListBucketMultipartUploads"], "Resource": bucket})
    return {"Version": "2012-10-17", "Statement": statements}
