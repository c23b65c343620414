"""Settings of the sharing service: `COFFER_SHARING_<NAME>`."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from coffer_chassis.settings import ServiceSettings


class SharingSettings(ServiceSettings):
    """What can be set for sharing beside what every service has."""

    model_config = SettingsConfigDict(env_prefix="COFFER_SHARING_", frozen=True, extra="ignore")

    expire_every_seconds: float = Field(
        2,
        description="Pause between two looks for shares whose time is up; their rights end on time in any case.",
        gt=0,
        le=3600,
    )
    ended_keep_days: int = Field(400, description="How long a share that has ended is kept on record.", ge=31)
