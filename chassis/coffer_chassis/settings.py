"""Settings that every service has, read from the environment. One frozen class; services add theirs with a prefix."""

from pathlib import Path
from typing import Self

from pydantic import Field, PostgresDsn, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from coffer_chassis.encryption import Encryption, Method
from coffer_chassis.secret_references import ReferencingSettings
from coffer_chassis.trusted import TokenKind, TrustedIssuer

__all__ = ["CofferSettings", "ServiceSettings", "TokenKind", "TrustedIssuer"]

_WEB_ADDRESS = r"^https?://[^/\s]+(/\S*)?$"

MOST_PER_MINUTE = 60_000_000
"""Times are counted in microseconds."""


class CofferSettings(ReferencingSettings):
    """What all services of one Coffer share: `COFFER_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="COFFER_", frozen=True, extra="ignore")

    home: Path = Field(Path(".coffer"), description="Data folder of the local stack, and cache folder of a service.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, description="Port of the one public address.", ge=1, le=65535)
    public_url: str = Field(
        "http://localhost:8080",
        description="The address people reach Coffer under, without a slash at the end.",
        pattern=_WEB_ADDRESS,
    )
    s3_public_url: str | None = Field(
        None,
        description="The address under which clients reach S3; signed URLs are made for it. Default: AWS itself.",
        pattern=_WEB_ADDRESS,
    )
    bucket: str = Field("coffer", description="The bucket that holds all objects.")
    s3_encryption: Method = Field(
        "none",
        description="How S3 is to encrypt objects: `AES256` (SSE-S3), `aws:kms` (SSE-KMS), or `none` to leave it to the "
        "bucket. Signed uploads bind it.",
    )
    s3_kms_key_id: str | None = Field(
        None,
        description="With `aws:kms`: id or ARN of the key that services may use; default: the account's own key for S3.",
        pattern=r"^[A-Za-z0-9:/_-]{1,2048}$",
    )
    s3_bucket_key: bool = Field(
        True, description="With `aws:kms`: one key per bucket, which saves a request to KMS for every object."
    )
    trusted_issuers: tuple[TrustedIssuer, ...] = Field(
        (), description="JSON list of issuers whose tokens are accepted, each with `issuer`, `jwks_url` and `kinds`."
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="JSON list of networks whose X-Forwarded-For is believed, e.g. `10.0.0.0/8`."
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis or Valkey that processes of one service count requests in, e.g. `redis://cache:6379/0`. Without it "
        "each counts for itself, and so each allows the whole limit.",
    )
    limit_default_per_minute: int = Field(
        3000,
        description="Requests of one person, token or link visitor to one service, and of one network address to its public "
        "routes. 0 switches this limit off.",
        ge=0,
        le=MOST_PER_MINUTE,
    )
    limit_auth_per_minute: int = Field(
        60, description="Sign-ins and the like from one network address. 0 switches this limit off.", ge=0, le=MOST_PER_MINUTE
    )
    limit_unlock_per_minute: int = Field(
        30, description="Passwords tried at one public link. 0 switches this limit off.", ge=0, le=MOST_PER_MINUTE
    )
    limit_upload_per_minute: int = Field(
        6000,
        description="Requests about uploads of one person or token; a small file takes about three. 0 switches this limit off.",
        ge=0,
        le=MOST_PER_MINUTE,
    )
    limit_search_per_minute: int = Field(
        300, description="Searches of one person or token. 0 switches this limit off.", ge=0, le=MOST_PER_MINUTE
    )
    limit_preview_per_minute: int = Field(
        60,
        description="Previews that one person or token has made anew. 0 switches this limit off.",
        ge=0,
        le=MOST_PER_MINUTE,
    )
    limit_comment_per_minute: int = Field(
        60,
        description="Comments that one person or token writes, changes or resolves. 0 switches this limit off.",
        ge=0,
        le=MOST_PER_MINUTE,
    )

    @field_validator("redis_url", "s3_kms_key_id", mode="before")
    @classmethod
    def _empty_is_none(cls, url: object) -> object:
        return url or None

    @model_validator(mode="after")
    def _a_key_needs_its_method(self) -> Self:
        if self.s3_kms_key_id is not None and self.s3_encryption != "aws:kms":
            raise ValueError("s3_kms_key_id is for s3_encryption aws:kms")
        return self

    @property
    def encryption(self) -> Encryption:
        """What S3 is asked for."""
        return Encryption(self.s3_encryption, self.s3_kms_key_id, self.s3_bucket_key)


class ServiceSettings(ReferencingSettings):
    """What each service has under its own prefix `COFFER_<SERVICE>_`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: PostgresDsn = Field(description="PostgreSQL 15 or later: `postgresql+asyncpg://user:password@host/database`.")
    database_pool_size: int = Field(
        10,
        description="Most connections of one process, beside one for wake-ups and, while all are in use, a few for what is "
        "urgent; three of them are for its background loops.",
        ge=4,
        le=100,
    )
    linger_seconds: float = Field(
        0, description="Pause between receives so that batches fill; 5 is the low-cost profile.", ge=0, le=60
    )
    poll_wait_seconds: int = Field(20, description="Long poll of SQS. At most half of the time a stop may take.", ge=0, le=20)
    cursor_key: SecretStr = Field(description="32 bytes in hexadecimal that seal paging cursors.")
    aws_access_key_id: str | None = Field(None, description="This service's own key; default: the AWS SDK's chain.")
    aws_secret_access_key: SecretStr | None = Field(None, description="Secret of `aws_access_key_id`.")
    listen_port: int = Field(8000, description="Port of the public routes when the service runs alone.", ge=0, le=65535)
    internal_host: str = Field("127.0.0.1", description="Address of the internal port.")
    internal_port: int = Field(
        9000, description="Port of /metrics, /livez and /readyz when the service runs alone; never public.", ge=0, le=65535
    )

    @model_validator(mode="after")
    def _keys_come_in_pairs(self) -> Self:
        if (self.aws_access_key_id is None) != (self.aws_secret_access_key is None):
            raise ValueError("aws_access_key_id and aws_secret_access_key belong together")
        return self
