"""What is made in a cloud before services run, and who may use it: topics, queues, the bucket, users with policies.

What there shall be is said by the services' topology; how it is made, by `coffer_chassis.provision`.
"""

import os
from collections.abc import Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr

from coffer_chassis.aws import AwsAccess
from coffer_chassis.provision import Provisioner
from coffer_chassis.service_policy import service_policy
from coffer_chassis.settings import CofferSettings
from coffer_local.credentials import AccessKey
from coffer_local.environment import ACCOUNT, as_origins
from coffer_local.home import StartError
from coffer_local.ministack import CloudUser
from coffer_local.registry import SERVICES, topology

REGION = "us-east-1"
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def cloud_users(admin: AccessKey, keys: Mapping[str, AccessKey], *, bucket: str, region: str = REGION) -> list[CloudUser]:
    """The users of a local cloud: one that provisions, and every service with no more rights than it needs."""
    whole = topology(bucket)
    users = [CloudUser("admin", admin, _EVERYTHING)]
    for entry in SERVICES:
        policy = service_policy(entry.topology, whole, account=ACCOUNT, region=region)
        users.append(CloudUser(entry.name, keys[entry.name], policy))
    return users


def local_access(endpoint: str, key: AccessKey, *, region: str = REGION) -> AwsAccess:
    """A local cloud, entered with one of its keys."""
    return AwsAccess(region=region, endpoint_url=endpoint, access_key_id=key.key_id, secret_access_key=SecretStr(key.secret))


def provision(access: AwsAccess, *, bucket: str, origins: Sequence[str]) -> None:
    """Make or correct everything that this release needs. Blocks; may run twice. `origins` are those of web pages."""
    Provisioner(topology(bucket), access, tuple(origins), mail_sender()).run()


def mail_sender(environ: Mapping[str, str] = os.environ) -> str | None:
    """The address that mail comes from, as the service that sends it reads it; None when none does."""
    for entry in SERVICES:
        if entry.topology.sends_mail:
            return environ.get(f"{entry.prefix}MAIL_FROM") or str(entry.settings.model_fields["mail_from"].default)
    return None


def provision_environment(coffer: CofferSettings, environ: Mapping[str, str] = os.environ) -> None:
    """Do so in whatever cloud the AWS SDK's own variables lead to, with the key that the SDK finds. Blocks; may run twice.

    Raises StartError, without the key, when the cloud cannot be reached or refuses.
    """
    access = AwsAccess(
        region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or REGION,
        endpoint_url=environ.get("AWS_ENDPOINT_URL"),
        s3_endpoint_url=environ.get("AWS_ENDPOINT_URL_S3"),
    )
    try:
        provision(access, bucket=coffer.bucket, origins=as_origins(coffer.public_url))
    except (BotoCoreError, ClientError) as error:
        raise StartError(f"The cloud did not do as it was told: {error}.") from error
