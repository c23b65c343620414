"""What is said of encryption, and which settings make no sense."""

from typing import Any

import pytest
from pydantic import ValidationError

from coffer_chassis.encryption import Encryption
from coffer_chassis.service_policy import service_policy
from coffer_chassis.settings import CofferSettings
from coffer_chassis.topology import BlobAccess, ServiceTopology, Topology

WITH_BLOBS = ServiceTopology("files", (), (BlobAccess("blobs/", write=True),))
WITHOUT = ServiceTopology("notes", ())


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({}, {}),
        ({"s3_encryption": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {"s3_encryption": "aws:kms", "s3_kms_key_id": "k", "s3_bucket_key": False},
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "k",
                "x-amz-server-side-encryption-bucket-key-enabled": "false",
            },
        ),
        (
            {"s3_encryption": "aws:kms", "s3_kms_key_id": ""},
            {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-bucket-key-enabled": "true"},
        ),
    ],
)
def test_settings_become_headers(settings: dict[str, Any], headers: dict[str, str]) -> None:
    assert CofferSettings(**settings).encryption.headers == headers


def test_headers_and_arguments_say_the_same() -> None:
    assert Encryption("aws:kms", "k").arguments == {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "k",
        "BucketKeyEnabled": True,
    }
    assert Encryption("AES256", None, bucket_key=True).arguments == {"ServerSideEncryption": "AES256"}


@pytest.mark.parametrize(
    "settings",
    [
        {"s3_encryption": "AES256", "s3_kms_key_id": "k"},
        {"s3_kms_key_id": "k"},
        {"s3_encryption": "rot13"},
        {"s3_encryption": "aws:kms", "s3_kms_key_id": "k\r\nx-evil: 1"},
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CofferSettings(**settings)


@pytest.mark.parametrize(
    ("key_id", "resource"),
    [("k-1", "arn:aws:kms:eu-west-1:42:key/k-1"), ("arn:aws:kms:x:y:key/z", "arn:aws:kms:x:y:key/z")],
)
def test_services_with_objects_may_use_the_key_and_no_other_service(key_id: str, resource: str) -> None:
    whole = Topology("bucket", (WITH_BLOBS, WITHOUT))
    given = {
        service.service: [
            statement
            for statement in service_policy(service, whole, account="42", region="eu-west-1", kms_key_id=key_id)["Statement"]
            if "kms:Decrypt" in statement["Action"]
        ]
        for service in whole.services
    }
    assert [statement["Resource"] for statement in given["files"]] == [resource]
    assert given["notes"] == []
