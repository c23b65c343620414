"""The settings of a local stack as environment variables: the same for services in this process and in others."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from coffer_chassis.sealing import OpeningKey
from coffer_local.credentials import Credentials
from coffer_local.registry import SERVICES, Entry

PUBLIC_HALVES: Mapping[tuple[str, str], str] = {
    (service, "mail_public_key"): "notifier-mail-private-key" for service in ("auth", "sharing")
}
"""Service and setting that hold the public half of a sealing key -> the name under which its private half is kept."""
ACCOUNT = "000000000000"
"""The one account of a local cloud."""
POLL_WAIT_SECONDS = "2"
"""Open polls are awaited at a stop, never cancelled; longer ones would make Ctrl-C slow."""
_KEY_SETS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "auth": ("/.well-known/jwks.json", ("access", "pat")),
    "sharing": ("/v1/shares/jwks.json", ("link", "ticket")),
}
"""Who signs tokens: where its key set stands, and which kinds it may sign."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the parts of one Coffer are, as its services reach them."""

    home: Path
    host: str
    port: int
    public_url: str
    s3_public_url: str
    cloud_url: str
    bucket: str
    region: str
    database_urls: Mapping[str, str]
    """By service."""
    key_set_urls: Mapping[str, str]
    """Base addresses of services that publish keys, by service; not the address people use."""


def secret_fields(entry: Entry) -> dict[str, str]:
    """The settings of a service that must hold 32 random bytes, with the name under which each is kept."""
    required = (name for name, field in entry.settings.model_fields.items() if field.is_required())
    return {name: _kept_as(entry.name, name) for name in required if entry.settings.model_fields[name].annotation is SecretStr}


def public_fields(entry: Entry, secrets: Mapping[str, str]) -> dict[str, str]:
    """The settings of a service that hold the public half of a key, made from the private halves by name."""
    return {
        field: OpeningKey.of_hex(secrets[private]).sealing.hex
        for (service, field), private in PUBLIC_HALVES.items()
        if service == entry.name
    }


def _kept_as(service: str, field: str) -> str:
    match field:
        case "cursor_key":
            return f"cursor-{service}"
        case "key_secret":
            return f"{service}-keys"
        case _:
            return f"{service}-{field.replace('_', '-')}"


def secret_names() -> list[str]:
    """Every secret of a stack that has a name of its own."""
    return [name for entry in SERVICES for name in secret_fields(entry).values()]


def local_environment(place: Place, credentials: Credentials) -> dict[str, str]:
    """Every variable that the services of this stack need, also when they run as processes of their own."""
    variables: dict[str, str] = {}
    for entry in SERVICES:
        variables |= service_environment(entry, place, credentials)
    return variables


def service_environment(entry: Entry, place: Place, credentials: Credentials) -> dict[str, str]:
    """Every variable that one service needs, and no secret of another."""
    key = credentials.keys[entry.name]
    secrets = {f"{entry.prefix}{field.upper()}": credentials.named[name] for field, name in secret_fields(entry).items()}
    public = {f"{entry.prefix}{field.upper()}": value for field, value in public_fields(entry, credentials.named).items()}
    return {
        "AWS_ENDPOINT_URL": place.cloud_url,
        "AWS_REGION": place.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "COFFER_HOME": str(place.home),
        "COFFER_HOST": place.host,
        "COFFER_PORT": str(place.port),
        "COFFER_PUBLIC_URL": place.public_url,
        "COFFER_S3_PUBLIC_URL": place.s3_public_url,
        "COFFER_BUCKET": place.bucket,
        "COFFER_TRUSTED_ISSUERS": json.dumps(_trusted(place)),
        f"{entry.prefix}DATABASE_URL": place.database_urls[entry.name],
        f"{entry.prefix}AWS_ACCESS_KEY_ID": key.key_id,
        f"{entry.prefix}AWS_SECRET_ACCESS_KEY": key.secret,
        f"{entry.prefix}POLL_WAIT_SECONDS": POLL_WAIT_SECONDS,
        **_principal(entry),
        **secrets,
        **public,
    }


def _principal(entry: Entry) -> dict[str, str]:
    """As whom the local cloud sees a service that sends to queues of subscribers."""
    if "queue_principal" not in entry.settings.model_fields:
        return {}
    return {f"{entry.prefix}QUEUE_PRINCIPAL": f"arn:aws:iam::{ACCOUNT}:user/{entry.name}"}


def issuers() -> dict[str, str]:
    """The services of this release that sign tokens, each with the `iss` of its tokens."""
    found = {entry.name: entry for entry in SERVICES if entry.name in _KEY_SETS and "issuer" in entry.settings.model_fields}
    return {
        name: os.environ.get(f"{entry.prefix}ISSUER") or str(entry.settings.model_fields["issuer"].default)
        for name, entry in found.items()
    }


def _trusted(place: Place) -> list[dict[str, Any]]:
    return [
        {"issuer": issuer, "jwks_url": place.key_set_urls[name] + _KEY_SETS[name][0], "kinds": _KEY_SETS[name][1]}
        for name, issuer in issuers().items()
    ]


def as_origins(*urls: str) -> tuple[str, ...]:
    """The web origins of addresses, without duplicates."""
    return tuple(dict.fromkeys(_origin(url) for url in urls))


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0]}"
