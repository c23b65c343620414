"""The presigner signs as botocore does, character by character; that S3 takes it is shown in test_blobs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import botocore.session
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from coffer_chassis.presign import MAX_EXPIRES_SECONDS, Presigner, SigningKey

ENDPOINT = "http://localhost:9000"
PRESIGNER = Presigner(f"{ENDPOINT}/coffer", "eu-central-1")
KEY = SigningKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
TEMPORARY = SigningKey("ASIAIOSFODNN7EXAMPLE", "secret/+=", "token//with+odd==signs ")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SESSION = botocore.session.Session()


@cache
def client_of(credentials: SigningKey) -> Any:
    return SESSION.create_client(
        "s3",
        region_name=PRESIGNER.region,
        endpoint_url=ENDPOINT,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.token,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )


def of_botocore(operation: str, key: str, credentials: SigningKey, seconds: int, parameters: Mapping[str, Any]) -> str:
    asked = {"Bucket": "coffer", "Key": key, **parameters}
    url: str = client_of(credentials).generate_presigned_url(operation, asked, ExpiresIn=seconds)
    return url


def parts(url: str) -> tuple[str, str, str, dict[str, str]]:
    split = urlsplit(url)
    return split.scheme, split.netloc, split.path, dict(parse_qsl(split.query, keep_blank_values=True, strict_parsing=True))


def assert_same(
    method: str,
    operation: str,
    key: str,
    parameters: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    credentials: SigningKey = KEY,
    seconds: int = 300,
) -> None:
    theirs = parts(of_botocore(operation, key, credentials, seconds, parameters))
    moment = datetime.strptime(theirs[3]["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = PRESIGNER.sign(method, key, credentials, now=moment, expires_seconds=seconds, headers=headers, query=query)
    assert parts(ours) == theirs


@pytest.mark.parametrize("credentials", [KEY, TEMPORARY], ids=["lasting", "temporary"])
def test_put_with_everything_signed(credentials: SigningKey) -> None:
    digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert_same(
        "PUT",
        "put_object",
        "blobs/0198c2f4-7d1e-7c3a-9f52-6b1f0f6f8a11/blob",
        {"ContentLength": 1234, "ContentType": "image/jpeg", "IfNoneMatch": "*", "ChecksumSHA256": digest},
        headers={
            "content-length": "1234",
            "content-type": "image/jpeg",
            "if-none-match": "*",
            "x-amz-checksum-sha256": digest,
        },
        credentials=credentials,
        seconds=3600,
    )


def test_header_values_with_odd_spaces() -> None:
    assert_same(
        "PUT",
        "put_object",
        "a",
        {"ContentType": 'text/plain;   charset="utf-8"'},
        headers={"content-type": 'text/plain;   charset="utf-8"'},
    )


@pytest.mark.parametrize("credentials", [KEY, TEMPORARY], ids=["lasting", "temporary"])
def test_get_with_overrides(credentials: SigningKey) -> None:
    disposition = "attachment; filename=\"Bericht (1) + 50%.pdf\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%F0%9F%97%82.pdf"
    assert_same(
        "GET",
        "get_object",
        "blobs/a",
        {"ResponseContentType": "application/pdf; a=b", "ResponseContentDisposition": disposition},
        query={"response-content-type": "application/pdf; a=b", "response-content-disposition": disposition},
        credentials=credentials,
    )


def test_a_part_of_a_multipart_upload() -> None:
    assert_same(
        "PUT",
        "upload_part",
        "blobs/a",
        {"PartNumber": 7, "UploadId": "id+/=&?", "ContentLength": 8},
        headers={"content-length": "8"},
        query={"partNumber": "7", "uploadId": "id+/=&?"},
    )


@pytest.mark.parametrize("key", ["a", "a/b/c", "a b", "a+b", "ü/🗂", "a%2Fb", "~.-_", "a//b", "a:b@c=d&e", "(*)'!$,;"])
def test_any_key(key: str) -> None:
    assert_same("GET", "get_object", key, {}, credentials=KEY)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20), st.integers(1, MAX_EXPIRES_SECONDS))
def test_any_text(content_type: str, seconds: int) -> None:
    assert_same(
        "GET",
        "get_object",
        "a",
        {"ResponseContentType": content_type},
        query={"response-content-type": content_type},
        seconds=seconds,
    )


@pytest.mark.parametrize("seconds", [0, -1, MAX_EXPIRES_SECONDS + 1])
def test_refuses_a_life_that_s3_refuses(seconds: int) -> None:
    with pytest.raises(ValueError, match="7 days"):
        PRESIGNER.sign("GET", "a", KEY, now=NOON, expires_seconds=seconds)


def test_the_same_request_at_the_same_time_has_the_same_address() -> None:
    urls = {PRESIGNER.sign("GET", "a", KEY, now=NOON, expires_seconds=60) for _ in range(3)}
    assert len(urls) == 1


def test_a_bucket_under_a_host_of_its_own() -> None:
    url = Presigner("https://coffer.s3.eu-central-1.amazonaws.com", "eu-central-1").sign(
        "GET", "blobs/a", KEY, now=NOON, expires_seconds=60
    )
    assert url.startswith("https://coffer.s3.eu-central-1.amazonaws.com/blobs/a?")
