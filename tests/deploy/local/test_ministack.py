"""The real local cloud: who is let in, what a stop keeps, what a crash keeps."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any

import boto3
import httpx
import psutil
import pytest
import pytest_asyncio
from botocore.config import Config
from botocore.exceptions import ClientError

from coffer_local.credentials import AccessKey, Credentials
from coffer_local.home import Home, StartError
from coffer_local.launch_ministack import ADMIN_HEADER, close_root
from coffer_local.ministack import CloudUser, LocalCloud
from factories import patient
from factories.processes import gone

pytestmark = pytest.mark.slow
in_module = pytest.mark.asyncio(loop_scope="module")

PATIENCE_SECONDS = 60

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
FILES = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::coffer/blobs/*"},
        {"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:files-*"},
    ],
}
TEST = AccessKey("test", "test")
ACCOUNT = AccessKey("000000000000", "test")
ORIGIN = "https://drive.example"
CORS = {"CORSRules": [{"AllowedOrigins": [ORIGIN], "AllowedMethods": ["PUT"], "AllowedHeaders": ["*"]}]}


def local_cloud(home: Home, secrets: Credentials, **options: Any) -> LocalCloud:
    users = [
        CloudUser("coffer-admin", secrets.admin, EVERYTHING),
        CloudUser("coffer-files", secrets.keys["files"], FILES),
        CloudUser("coffer-auth", secrets.keys["auth"], {**FILES, "Statement": FILES["Statement"][1:]}),
    ]
    return LocalCloud(home, users, secrets.admin_header, **options)


def secrets_of(home: Home) -> Credentials:
    return Credentials.open(home, ["files", "auth"])


@contextmanager
def client(cloud: LocalCloud, key: AccessKey, service: str) -> Iterator[Any]:
    checksums: Any = {f"{kind}_checksum_{what}": "when_required" for kind, what in PAIRS}
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **checksums)
    made = boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key.key_id,
        aws_secret_access_key=key.secret,
        config=config,
    )
    try:
        yield made
    finally:
        made.close()


PAIRS = (("request", "calculation"), ("response", "validation"))


def status_of(call: Callable[..., Any], **arguments: Any) -> int:
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    status: int = refusal.value.response["ResponseMetadata"]["HTTPStatusCode"]
    return status


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[LocalCloud, Credentials]]:
    with Home.open(tmp_path_factory.mktemp("cloud")) as home:
        secrets = secrets_of(home)
        cloud = local_cloud(home, secrets)
        await cloud.start(keep_state=False)
        with client(cloud, secrets.admin, "s3") as s3:
            s3.create_bucket(Bucket="coffer")
            s3.put_bucket_cors(Bucket="coffer", CORSConfiguration=CORS)
            s3.put_object(Bucket="coffer", Key="blobs/kept", Body=b"kept")
        yield cloud, secrets
        with client(cloud, secrets.admin, "s3") as s3:
            assert s3.get_object(Bucket="coffer", Key="blobs/kept")["Body"].read() == b"kept"
        assert await cloud.stop()


def test_an_object_goes_in_and_out_over_addresses_signed_by_a_service(
    shared: tuple[LocalCloud, Credentials],
) -> None:
    cloud, secrets = shared
    with client(cloud, secrets.keys["files"], "s3") as s3:
        what = {"Bucket": "coffer", "Key": "blobs/one"}
        put, get = (s3.generate_presigned_url(verb, Params=what) for verb in ("put_object", "get_object"))
        assert patient.put(put, content=b"bytes").status_code == 200
        assert patient.get(get).content == b"bytes"
        form = s3.generate_presigned_post("coffer", "blobs/two", Conditions=[["content-length-range", 1, 10]])
    assert patient.post(form["url"], data=form["fields"], files={"file": b"bytes"}).status_code == 204
    assert patient.post(form["url"], data=form["fields"], files={"file": b"too many bytes"}).status_code == 400


def test_a_wrong_secret_is_refused_in_every_form(shared: tuple[LocalCloud, Credentials]) -> None:
    cloud, secrets = shared
    assert_refused(cloud, AccessKey(secrets.keys["files"].key_id, "wrong"))


@pytest.mark.parametrize("key", [TEST, ACCOUNT, AccessKey("AKIAUNKNOWN", "secret")], ids=lambda key: key.key_id)
def test_well_known_and_unknown_keys_are_refused_in_every_form(shared: tuple[LocalCloud, Credentials], key: AccessKey) -> None:
    assert_refused(shared[0], key)


def assert_refused(cloud: LocalCloud, key: AccessKey) -> None:
    with client(cloud, key, "s3") as s3:
        assert status_of(s3.list_buckets) == 403
        assert status_of(s3.put_object, Bucket="coffer", Key="blobs/forged", Body=b"") == 403
        what = {"Bucket": "coffer", "Key": "blobs/kept"}
        assert patient.get(s3.generate_presigned_url("get_object", Params=what)).status_code == 403
        form = s3.generate_presigned_post("coffer", "blobs/forged")
        assert patient.post(form["url"], data=form["fields"], files={"file": b"x"}).status_code == 403
    for service, call in (("sqs", "list_queues"), ("sns", "list_topics"), ("iam", "list_users"), ("ses", "list_identities")):
        with client(cloud, key, service) as other:
            assert status_of(getattr(other, call)) == 403


def test_a_service_may_do_only_what_its_policy_says(shared: tuple[LocalCloud, Credentials]) -> None:
    cloud, secrets = shared
    with client(cloud, secrets.keys["files"], "s3") as s3:
        assert status_of(s3.put_object, Bucket="coffer", Key="previews/x", Body=b"") == 403
        assert status_of(s3.delete_object, Bucket="coffer", Key="blobs/kept") == 403
        assert status_of(s3.list_buckets) == 403
        foreign = s3.generate_presigned_url("put_object", Params={"Bucket": "coffer", "Key": "photos/x"})
        assert patient.put(foreign, content=b"x").status_code == 403
    with client(cloud, secrets.keys["auth"], "s3") as s3:
        assert status_of(s3.get_object, Bucket="coffer", Key="blobs/kept") == 403
    with client(cloud, secrets.keys["files"], "iam") as iam:
        assert status_of(iam.create_access_key, UserName="coffer-admin") == 403


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/reset",
        "/_ministack/config",
        "/_ministack/health",
        "/_ministack/ses/messages",
        "/_ministack/sqs/messages?QueueUrl=x",
        "/_localstack/health",
        "/_aws/execute-api/x/y",
        "/health",
        "/oauth2/token",
        "/login",
        "//_ministack/reset",
        "/%5fministack/reset",
        "/coffer/../_ministack/reset",
        "/",
        "/coffer",
        "/coffer/blobs/kept",
        "/?Action=ListQueues",
        "/?Action=ListUsers&Version=2010-05-08",
    ],
)
def test_without_credentials_nothing_answers(shared: tuple[LocalCloud, Credentials], path: str) -> None:
    endpoint = shared[0].endpoint
    for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        headers = {"Origin": ORIGIN, "Content-Type": "text/plain", ADMIN_HEADER: "guess"}
        answer = patient.request(method, httpx.URL(endpoint).copy_with(raw_path=path.encode()), headers=headers)
        assert answer.status_code == 403, method
        assert "access-control-allow-origin" not in answer.headers


def test_a_foreign_page_cannot_reset_the_cloud(shared: tuple[LocalCloud, Credentials]) -> None:
    address = f"{shared[0].endpoint}/_ministack/reset"
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    assert patient.post(address, headers=headers).status_code == 403
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ADMIN_HEADER}
    preflight = patient.options(address, headers={"Origin": "https://evil.example", **asked})
    assert preflight.status_code == 403
    assert "access-control-allow-origin" not in preflight.headers
    # A signed key does not open admin paths either.
    with client(*shared_admin(shared), "s3") as s3:
        signed = s3.generate_presigned_url("get_object", Params={"Bucket": "_ministack", "Key": "health"})
    assert patient.get(signed).status_code == 403


def shared_admin(shared: tuple[LocalCloud, Credentials]) -> tuple[LocalCloud, AccessKey]:
    return shared[0], shared[1].admin


def test_a_form_without_a_signature_is_refused(shared: tuple[LocalCloud, Credentials]) -> None:
    for fields in ({"key": "blobs/forged"}, {"key": "blobs/forged", "policy": "e30="}):
        answer = patient.post(f"{shared[0].endpoint}/coffer", data=fields, files={"file": b"x"})
        assert answer.status_code in {400, 403}
    with client(*shared_admin(shared), "s3") as s3:
        assert status_of(s3.head_object, Bucket="coffer", Key="blobs/forged") == 404


def test_a_preflight_is_answered_by_the_rules_of_the_bucket(shared: tuple[LocalCloud, Credentials]) -> None:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    for path in ("/coffer/blobs/one", "/coffer"):
        address = shared[0].endpoint + path
        good = patient.options(address, headers={"Origin": ORIGIN, **asked})
        assert good.status_code == 200
        assert good.headers["access-control-allow-origin"] == ORIGIN
        assert patient.options(address, headers={"Origin": "https://evil.example", **asked}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/no-bucket/key", "/000000000000/files-x", "/_ministack/reset"])
def test_a_preflight_for_anything_but_a_bucket_is_refused(shared: tuple[LocalCloud, Credentials], path: str) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    refused = patient.options(shared[0].endpoint + path, headers=asked)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers


def test_buckets_and_topics_reach_queues_that_let_them(shared: tuple[LocalCloud, Credentials]) -> None:
    admin = shared_admin(shared)
    with client(*admin, "s3") as s3, client(*admin, "sns") as sns, client(*admin, "sqs") as sqs:
        url = sqs.create_queue(QueueName="files-storage")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name="files-events")["TopicArn"]
        senders = {"sns.amazonaws.com": topic, "s3.amazonaws.com": "arn:aws:s3:::coffer"}
        statements = [
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": source}},
            }
            for service, source in senders.items()
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        notification = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket="coffer", NotificationConfiguration={"QueueConfigurations": [notification]}
        )
        sns.publish(TopicArn=topic, Message="from the topic")
        s3.put_object(Bucket="coffer", Key="blobs/noticed", Body=b"")
        bodies: list[str] = []
        for _ in range(PATIENCE_SECONDS):
            found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            bodies += [message["Body"] for message in found.get("Messages", [])]
            if "from the topic" in bodies and any("blobs/noticed" in body for body in bodies):
                return
    pytest.fail(f"only these arrived: {bodies}")


@in_module
async def test_only_the_secret_of_this_start_shows_the_mails(shared: tuple[LocalCloud, Credentials]) -> None:
    cloud, secrets = shared
    with client(cloud, secrets.admin, "ses") as ses:
        ses.verify_email_identity(EmailAddress="coffer@example.org")
        text = {"Data": "hello"}
        ses.send_email(
            Source="coffer@example.org",
            Destination={"ToAddresses": ["ann@example.org"]},
            Message={"Subject": text, "Body": {"Text": text}},
        )
    messages = await cloud.ses_messages()
    assert [(message["To"], message["BodyText"]) for message in messages] == [(["ann@example.org"], "hello")]
    stranger = LocalCloud.__new__(LocalCloud)
    stranger.__dict__.update(cloud.__dict__, _admin_header="guess")
    with pytest.raises(ConnectionError, match="403"):
        await stranger.ses_messages()


def test_secrets_stand_in_no_command_line_and_no_environment(shared: tuple[LocalCloud, Credentials]) -> None:
    cloud, secrets = shared
    process = psutil.Process(cloud.pid)
    shown = " ".join([*process.cmdline(), *process.environ().values()])
    for secret in (secrets.admin.secret, secrets.admin_header, secrets.keys["files"].secret):
        assert secret not in shown


def test_it_listens_on_the_loopback_address_only(shared: tuple[LocalCloud, Credentials]) -> None:
    sockets = psutil.Process(shared[0].pid).net_connections()
    listening = {(found.laddr.ip, found.laddr.port) for found in sockets if found.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", shared[0].port)}


async def test_a_stop_in_order_keeps_messages_even_when_the_port_changes(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        secrets = secrets_of(home)
        cloud = local_cloud(home, secrets)
        await cloud.start(keep_state=False)
        assert not cloud.kept_state
        with client(cloud, secrets.admin, "sqs") as sqs:
            sqs.send_message(QueueUrl=sqs.create_queue(QueueName="files-x")["QueueUrl"], MessageBody="kept")
        before = cloud.port
        assert await cloud.stop()
        for name in ("iam.json", "sts.json"):
            assert not (home.cloud / "state" / name).exists()
        again = local_cloud(home, secrets_of(home))
        await again.start(keep_state=True)
        assert again.kept_state
        assert again.port != before
        with client(again, secrets.keys["files"], "sqs") as sqs:
            url = sqs.get_queue_url(QueueName="files-x")["QueueUrl"]
            assert str(again.port) in url
            assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["kept"]
        assert await again.stop()


async def test_a_kill_keeps_objects_and_neither_new_nor_older_queues(tmp_path: Path) -> None:
    told = asyncio.Event()

    async def restarted() -> None:
        told.set()

    with Home.open(tmp_path) as home:
        secrets = secrets_of(home)
        cloud = local_cloud(home, secrets, on_restart=restarted)
        await cloud.start(keep_state=False)
        with client(cloud, secrets.admin, "sqs") as sqs:
            sqs.send_message(QueueUrl=sqs.create_queue(QueueName="files-old")["QueueUrl"], MessageBody="old")
        assert await cloud.stop()
        await cloud.start(keep_state=True)
        with client(cloud, secrets.admin, "s3") as s3, client(cloud, secrets.admin, "sqs") as sqs:
            s3.create_bucket(Bucket="coffer")
            s3.put_object(Bucket="coffer", Key="blobs/x", Body=b"bytes", ContentType="text/plain")
            sqs.create_queue(QueueName="files-new")
        assert cloud.pid
        os.kill(cloud.pid, signal.SIGKILL)
        await asyncio.wait_for(told.wait(), PATIENCE_SECONDS)
        assert not cloud.kept_state
        with client(cloud, secrets.keys["files"], "s3") as s3, client(cloud, secrets.admin, "sqs") as sqs:
            answer = s3.get_object(Bucket="coffer", Key="blobs/x")
            assert (answer["Body"].read(), answer["ContentType"]) == (b"bytes", "text/plain")
            assert not sqs.list_queues().get("QueueUrls")
        assert await cloud.stop()


async def test_state_is_discarded_after_a_stop_that_was_not_clean(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        secrets = secrets_of(home)
        cloud = local_cloud(home, secrets)
        await cloud.start(keep_state=False)
        with client(cloud, secrets.admin, "sqs") as sqs:
            sqs.create_queue(QueueName="files-x")
        assert await cloud.stop()
        await cloud.start(keep_state=False)
        with client(cloud, secrets.admin, "sqs") as sqs:
            assert not sqs.list_queues().get("QueueUrls")
        await cloud.stop()


@pytest.mark.parametrize("broken", ["sqs.json", "state"])
async def test_state_that_is_incomplete_is_not_used(tmp_path: Path, broken: str) -> None:
    with Home.open(tmp_path) as home:
        state = home.cloud / "state"
        state.mkdir()
        for name in ("s3.json", "sns.json", "sqs.json"):
            (state / name).write_text("{}")
        (state / broken).unlink() if broken != "state" else state.rename(home.cloud / "elsewhere")
        cloud = local_cloud(home, secrets_of(home))
        await cloud.start(keep_state=True)
        assert not cloud.kept_state
        assert await cloud.stop()


def connections(cloud: LocalCloud) -> int:
    return sum(found.status == psutil.CONN_ESTABLISHED for found in psutil.Process(cloud.pid).net_connections())


async def test_a_stop_with_an_open_long_poll_is_still_in_order(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        secrets = secrets_of(home)
        cloud = local_cloud(home, secrets)
        await cloud.start(keep_state=False)
        with client(cloud, secrets.admin, "sqs") as sqs, client(cloud, secrets.admin, "sqs") as waiting:
            url = sqs.create_queue(QueueName="files-x")["QueueUrl"]
            before = connections(cloud)
            poll = asyncio.create_task(asyncio.to_thread(waiting.receive_message, QueueUrl=url, WaitTimeSeconds=20))
            deadline = monotonic() + PATIENCE_SECONDS
            while connections(cloud) == before:
                assert monotonic() < deadline
                await asyncio.sleep(0.01)
            # One that comes later is answered: the poll is in hand.
            assert await asyncio.to_thread(sqs.list_queues)
            assert await cloud.stop()
            await asyncio.wait({poll})
            assert poll.exception() is not None


async def test_a_user_whose_policy_is_refused_stops_the_start(tmp_path: Path) -> None:
    with Home.open(tmp_path) as home:
        user = CloudUser("coffer-files", AccessKey("AKIAX", "secret"), {"Statement": "none"})
        cloud = LocalCloud(home, [user], "secret")
        with pytest.raises(StartError, match=r"^The local cloud ended while starting: .*refused the user coffer-files"):
            await cloud.start(keep_state=False)
        assert cloud.pid is None


DRIVER = """
import asyncio, sys
from pathlib import Path
from coffer_local import supervisor
from coffer_local.credentials import Credentials
from coffer_local.home import Home
from coffer_local.ministack import CloudUser, LocalCloud

supervisor._LIBC = None  # without the kernel's help, as on other systems

async def main():
    home = Home.open(Path(sys.argv[1]))
    secrets = Credentials.open(home, ["files", "auth"])
    cloud = LocalCloud(home, [], secrets.admin_header)
    await cloud.start(keep_state=False)
    print(cloud.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_it_ends_at_once_and_saves_nothing_when_its_parent_was_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", DRIVER, str(tmp_path), stdout=asyncio.subprocess.PIPE)
    assert parent.stdout
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.communicate()
    deadline = monotonic() + PATIENCE_SECONDS
    while not gone(pid):
        assert monotonic() < deadline
        await asyncio.sleep(0.01)
    assert list((tmp_path / "cloud" / "state").iterdir()) == []
    with Home.open(tmp_path) as home:
        cloud = local_cloud(home, secrets_of(home))
        await cloud.start(keep_state=home.mark_running())
        assert await cloud.stop()


def test_a_ministack_whose_root_cannot_be_closed_does_not_run() -> None:
    with pytest.raises(RuntimeError, match="who is root"):
        close_root(ModuleType("iam_evaluator"))
