"""Settings of the files service: `COFFER_FILES_<NAME>`."""

from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from coffer_chassis.clock import Clock
from coffer_chassis.cloudfront import CloudFront
from coffer_chassis.settings import ServiceSettings

GIB = 1024**3


class FilesSettings(ServiceSettings):
    """What can be set for files beside what every service has."""

    model_config = SettingsConfigDict(env_prefix="COFFER_FILES_", frozen=True, extra="ignore")

    default_quota_bytes: int = Field(10 * GIB, description="Room in the drive of a new owner.", ge=0)
    single_put_max_bytes: int = Field(
        5 * GIB,
        description="Largest file that can be sent in one PUT if that is asked for; S3 takes no more than 5 GiB.",
        ge=0,
        le=5 * GIB,
    )
    put_url_seconds: int = Field(
        24 * 3600, description="How long a signed upload address is valid, of a whole file or a part.", ge=60, le=7 * 24 * 3600
    )
    get_url_seconds: int = Field(300, description="How long a signed download address is valid at least.", ge=30, le=900)
    dispatch_per_owner: int = Field(
        16, description="Uploads of one owner that the media worker checks at the same time, at most.", ge=1, le=1000
    )
    link_open_uploads: int = Field(
        200, description="Uploads through one public link that have not ended, at most.", ge=1, le=100_000
    )
    sweep_every_seconds: float = Field(5, description="Pause between two rounds of the sweeper.", gt=0, le=3600)
    sweep_grace_seconds: float = Field(
        120, description="How long an upload may stand unreported before the sweeper looks into the bucket.", ge=0
    )
    multipart_keep_hours: float = Field(
        24, description="Age at which a multipart upload that belongs to no open upload is aborted.", ge=1, le=7 * 24
    )
    reconcile_every_hours: float = Field(
        24, description="Pause between two comparisons of the bucket with the store; 0 for none but those asked for.", ge=0
    )
    reconcile_grace_hours: float = Field(
        24, description="Objects younger than this count as under way when the bucket is compared.", ge=0
    )
    upload_keep_days: int = Field(30, description="How long an ended upload can still be looked at.", ge=1)
    change_keep_days: int = Field(30, description="How far back the change feed reaches.", ge=1)
    change_keep_rows: int = Field(
        1_000_000, description="How many entries the change feed of one drive keeps, about; older cursors are refused.", ge=1000
    )
    change_compact_hours: float = Field(
        24, description="Age at which entries of the change feed that newer ones repeat are left out.", ge=0
    )
    feed_waits: int = Field(2000, description="Requests of one process that wait for changes at the same time, at most.", ge=0)
    feed_waits_per_person: int = Field(8, description="Requests of one person that wait in one process, at most.", ge=0)
    trash_keep_days: int = Field(30, description="How long the trash keeps things before they are removed for good.", ge=1)
    version_keep_count: int = Field(
        100,
        description="Older versions that are kept of a file, at most; those with a label or kept for ever do not count.",
        ge=0,
        le=1000,
    )
    version_keep_days: int = Field(
        365, description="How long a version is kept after another took its place; 0 for as long as the number allows.", ge=0
    )
    archive_max_files: int = Field(100_000, description="Files and folders in one archive, at most.", ge=1, le=10_000_000)
    archive_max_bytes: int = Field(100 * GIB, description="Bytes of all files in one archive, at most.", ge=0)
    archives_at_once: int = Field(8, description="Archives that one process streams at the same time, at most.", ge=1, le=100)
    cloudfront_url: str | None = Field(
        None,
        description="Address of a CloudFront distribution in front of the bucket, from which files and previews are then "
        "fetched; what it must do stands in docs/downloads.md.",
        pattern=r"^https://[^/\s?#]+$",
    )
    cloudfront_key_pair_id: str | None = Field(
        None, description="Id of the public key in the distribution's key group.", pattern=r"^[A-Z0-9]+$"
    )
    cloudfront_private_key: SecretStr | None = Field(
        None, description="The private half of it in PEM: ECDSA on P-256, or RSA of 2048 bits."
    )

    @model_validator(mode="after")
    def _cloudfront_is_whole(self) -> Self:
        if (
            len({value is None for value in (self.cloudfront_url, self.cloudfront_key_pair_id, self.cloudfront_private_key)})
            > 1
        ):
            raise ValueError("cloudfront_url, cloudfront_key_pair_id and cloudfront_private_key belong together")
        return self

    def cloudfront(self, clock: Clock) -> CloudFront | None:
        """The distribution, if there is one. Raises ValueError for a key that CloudFront does not take."""
        if not (self.cloudfront_url and self.cloudfront_key_pair_id and self.cloudfront_private_key):
            return None
        key = self.cloudfront_private_key.get_secret_value()
        return CloudFront(self.cloudfront_url, self.cloudfront_key_pair_id, key, clock)
