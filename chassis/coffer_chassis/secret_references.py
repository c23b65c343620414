"""Settings that only say where their value is kept: `aws-secretsmanager:<name or ARN>`, and `#<key>` for one key of JSON.

Read once, when the settings are made: a secret that rotates is noticed at the next start. No value and no name of a secret ever
stands in a message.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

PREFIX = "aws-secretsmanager:"
CONNECT_SECONDS = 3
READ_SECONDS = 10
ATTEMPTS = 3

Read = Callable[[str], str]
"""The text of a secret by its name or ARN; raises SecretUnreadable."""


class SecretUnreadable(Exception):
    """A setting refers to a secret that cannot be read. The message names the setting, and nothing of the secret."""


class ReferencingSettings(BaseSettings):
    """Settings of which every one may be a reference in the environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """As the parent class, with references in the environment replaced by what they refer to."""
        return init_settings, _Resolved(settings_cls, env_settings), dotenv_settings, file_secret_settings


class _Resolved(PydanticBaseSettingsSource):
    """Another source's values, references replaced. Raises SecretUnreadable when it is asked."""

    def __init__(self, settings_cls: type[BaseSettings], inner: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._inner = inner

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._inner.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        values = self._inner()
        return resolved(values, read_secret, prefix=str(self.settings_cls.model_config.get("env_prefix", "")))


def resolved(values: Mapping[str, Any], read: Read, *, prefix: str = "") -> dict[str, Any]:
    """The values, references replaced by what `read` finds; each secret is read once. Raises SecretUnreadable."""
    known: dict[str, str] = {}
    found = dict(values)
    for name, value in values.items():
        if not (isinstance(value, str) and value.startswith(PREFIX)):
            continue
        secret, hash_sign, key = value.removeprefix(PREFIX).partition("#")
        try:
            if secret not in known:
                known[secret] = read(secret)
            found[name] = _member(known[secret], key) if hash_sign else known[secret]
        except SecretUnreadable as error:
            raise SecretUnreadable(f"{prefix}{name}".upper() + f": {error}") from None
    return found


def _member(text: str, key: str) -> str:
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError, RecursionError):
        value = None
    if not isinstance(value, str):
        raise SecretUnreadable("the secret it refers to is no JSON object with a text under that key")
    return value


def read_secret(secret: str) -> str:
    """The text of a secret in AWS Secrets Manager; raises SecretUnreadable. Blocks: for the start of a process.

    Where the cloud is, and who asks, the AWS SDK finds in its own variables or in the machine's role; the region in the ARN.
    """
    # Most processes refer to no secret, and a Lambda function that imports the settings starts for somebody who waits.
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    if not secret:
        raise SecretUnreadable("it refers to no secret")
    parts = secret.split(":")
    region = parts[3] if secret.startswith("arn:") and len(parts) > 3 else _region()  # arn:partition:service:region
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    try:
        client = get_session().create_client("secretsmanager", region_name=region, config=config)
        answer = cast("Mapping[str, Any]", client.get_secret_value(SecretId=secret))
    except ClientError as error:
        raise SecretUnreadable(f"the secret it refers to cannot be read ({error.response['Error']['Code']})") from None
    except (BotoCoreError, ValueError) as error:
        raise SecretUnreadable(f"the secret it refers to cannot be read ({type(error).__name__})") from None
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise SecretUnreadable("the secret it refers to is no text")
    return text


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
