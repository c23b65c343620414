"""The media worker's settings: `COFFER_MEDIA_WORKER_<NAME>`."""

import os

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from coffer_chassis.settings import ServiceSettings


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
