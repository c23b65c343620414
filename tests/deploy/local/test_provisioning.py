"""The job that provisions: on whatever the AWS variables lead to, as often as one likes, and one sentence if it cannot."""

import boto3
import pytest

from coffer_chassis.settings import CofferSettings
from coffer_local.home import StartError
from coffer_local.provisioning import provision_environment
from coffer_local.registry import SERVICES
from factories.cloud import Cloud

SETTINGS = CofferSettings.model_validate({"bucket": "coffer-job", "public_url": "https://drive.example.org/coffer"})


def environ(endpoint: str) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1"}


@pytest.fixture(autouse=True)
def _no_session_of_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK keeps the first key it found for the rest of the process."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.mark.slow
def test_it_makes_everything_with_the_key_that_the_sdk_finds_and_does_so_twice(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = cloud.admin
    assert admin.access_key_id is not None
    assert admin.secret_access_key is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", admin.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", admin.secret_access_key.get_secret_value())
    for _ in range(2):
        provision_environment(SETTINGS, environ(cloud.endpoint))
    sqs, s3 = (boto3.client(name, **admin.client_arguments(name)) for name in ("sqs", "s3"))
    made = {url.rpartition("/")[2] for url in sqs.list_queues().get("QueueUrls", ())}
    assert {lane.queue for entry in SERVICES for lane in entry.topology.lanes} <= made
    (rule,) = s3.get_bucket_cors(Bucket="coffer-job")["CORSRules"]
    assert rule["AllowedOrigins"] == ["https://drive.example.org"]


@pytest.mark.slow
def test_a_key_that_is_refused_is_said_in_one_sentence(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYNOBODY2222")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "word-that-is-secret")
    with pytest.raises(StartError, match="did not do as it was told") as told:
        provision_environment(SETTINGS, environ(cloud.endpoint))
    assert "word-that-is-secret" not in str(told.value)
