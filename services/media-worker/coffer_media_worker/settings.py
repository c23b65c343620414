"""The media worker's settings: `COFFER_MEDIA_WORKER_<NAME>`."""

import os
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from coffer_chassis.settings import ServiceSettings
from coffer_media_worker.antivirus import Clamd
from coffer_media_worker.scanning import Antivirus, Policy


class MediaWorkerSettings(ServiceSettings):
    """What the media worker needs besides what all services share."""

    model_config = SettingsConfigDict(env_prefix="COFFER_MEDIA_WORKER_", frozen=True, extra="ignore")

    children: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        description="Rendering processes at once. Default: one for each core.",
        ge=1,
        le=64,
    )
    jail_required: bool = Field(
        False, description="Refuse to start where the kernel does not offer every barrier around a rendering process."
    )
    antivirus_address: str | None = Field(
        None,
        description="Where a clamd listens that every upload is shown to: `unix:/path` or `tcp:host:port`; docs/antivirus.md.",
        pattern=r"^(unix:/.+|tcp:.+:\d{1,5})$",
    )
    antivirus_seconds: float = Field(30.0, description="How long it has for one file.", gt=0, le=600)
    antivirus_max_bytes: int = Field(
        25 << 20, description="Its StreamMaxLength: longer files are not sent to it.", ge=0, le=4 << 30
    )
    antivirus_when_down: Policy = Field(
        "retry", description="What becomes of a file while it does not answer: kept with a flag, refused, or asked about again."
    )
    antivirus_when_too_large: Literal["fail_open", "fail_closed"] = Field(
        "fail_open", description="What becomes of a file that is longer than it takes: kept with a flag, or refused."
    )

    def antivirus(self) -> Antivirus | None:
        """The scanner, if there is one."""
        if self.antivirus_address is None:
            return None
        clamd = Clamd(self.antivirus_address, seconds=self.antivirus_seconds)
        return Antivirus(clamd, self.antivirus_when_down, self.antivirus_when_too_large, self.antivirus_max_bytes)
