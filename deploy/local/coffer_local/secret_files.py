"""The secrets of a Coffer made of containers: made once, laid out so that each container is given no more than its own.

`python -m coffer_local secrets --into FOLDER` writes, each into a folder that becomes a volume of its own:

    kept/secrets.json           every secret; for this job alone
    <service>/environment       settings and secrets of one service, to be read in by a shell
    postgres/password           of the superuser
    databases/environment       for the job that makes roles and databases
    provision/environment       for the job that makes topics, queues and the bucket
    ministack/environment       who may enter the local cloud, and where the stores are that must hear of its losses
"""

import os
from collections.abc import Mapping
from pathlib import Path

from coffer_chassis.settings import CofferSettings
from coffer_local.credentials import Credentials
from coffer_local.databases import role_of
from coffer_local.environment import Place, issuers, secret_names, service_environment
from coffer_local.gateway_process import GatewaySettings
from coffer_local.home import Home, StartError, write_private
from coffer_local.postgres import SUPERUSER
from coffer_local.provisioning import REGION
from coffer_local.registry import SERVICES
from coffer_local.running import as_script

ENVIRONMENT = "environment"
PASSWORD = "password"  # noqa: S105  # the name of a file
JOBS = ("databases", "provision")
CLOUD = "ministack"
STORE = "postgres"
KEPT = "kept"


def folders() -> list[str]:
    """The folders below the one that is given, each for the container of its name; `kept` is for this job alone."""
    return [KEPT, STORE, CLOUD, *JOBS, *(entry.name for entry in SERVICES)]


def make_folders(into: Path) -> None:
    """Make the folders, empty, so that an image has them for its volumes to take their owner from. May run twice."""
    for name in folders():
        folder = into / name
        # PostgreSQL's image runs under an account of its own and sees no other folder than its own.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o755 if name == STORE else 0o700)


def write_secret_files(into: Path, coffer: CofferSettings, *, database: str, environ: Mapping[str, str] = os.environ) -> None:
    """Make what secrets are missing and write every file anew. May run twice: a stored secret never changes.

    `database` is `host:port`. The cloud is where `AWS_ENDPOINT_URL` says, and keys are published where the gateway's
    `COFFER_GATEWAY_<SERVICE>_URL` says. Raises StartError when a folder cannot be used or one of them is missing.
    """
    cloud_url, region = environ.get("AWS_ENDPOINT_URL"), environ.get("AWS_REGION") or REGION
    services = GatewaySettings().given("url")
    missing = [name for name in issuers() if name not in services]
    if not cloud_url or missing:
        unset = ["AWS_ENDPOINT_URL"] if not cloud_url else [f"COFFER_GATEWAY_{name.upper()}_URL" for name in missing]
        raise StartError(f"{' and '.join(unset)} must be set: services have to find each other's keys and the cloud.")
    make_folders(into)
    with Home.open(into / KEPT) as home:
        credentials = Credentials.open(home, [entry.name for entry in SERVICES], named=secret_names())
    place = Place(
        # Services keep nothing of their own but copies of public keys.
        home=Path("/tmp/coffer"),  # noqa: S108  # a container's own, in memory
        host=coffer.host,
        port=coffer.port,
        public_url=coffer.public_url,
        s3_public_url=coffer.s3_public_url or cloud_url,
        cloud_url=cloud_url,
        bucket=coffer.bucket,
        region=region,
        database_urls={
            entry.name: f"postgresql+asyncpg://{role_of(entry.name)}:{credentials.passwords[entry.name]}"
            f"@{database}/{role_of(entry.name)}"
            for entry in SERVICES
        },
        key_set_urls=services,
    )
    for entry in SERVICES:
        _write(into / entry.name / ENVIRONMENT, as_script(service_environment(entry, place, credentials)))
    _write(into / STORE / PASSWORD, credentials.superuser_password.encode(), mode=0o444)
    for name, variables in _of_jobs(place, credentials, database).items():
        _write(into / name / ENVIRONMENT, as_script(variables))


def _of_jobs(place: Place, credentials: Credentials, database: str) -> dict[str, dict[str, str]]:
    stores = {f"{entry.prefix}DATABASE_URL": place.database_urls[entry.name] for entry in SERVICES}
    keys = {
        f"{entry.prefix}{name}": value
        for entry in SERVICES
        for name, value in (
            ("AWS_ACCESS_KEY_ID", credentials.keys[entry.name].key_id),
            ("AWS_SECRET_ACCESS_KEY", credentials.keys[entry.name].secret),
        )
    }
    admin = {
        "AWS_ACCESS_KEY_ID": credentials.admin.key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.admin.secret,
        "AWS_REGION": place.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "COFFER_BUCKET": place.bucket,
        "COFFER_PUBLIC_URL": place.public_url,
    }
    superuser = f"postgresql://{SUPERUSER}:{credentials.superuser_password}@{database}/postgres"
    return {
        "databases": stores | {"COFFER_DATABASE_ADMIN_URL": superuser},
        "provision": admin | {"AWS_ENDPOINT_URL": place.cloud_url},
        CLOUD: admin | keys | stores,
    }


def _write(path: Path, content: bytes, *, mode: int = 0o400) -> None:
    write_private(path, content)
    path.chmod(mode)
