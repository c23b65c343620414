"""Settings of the sharing service: `COFFER_SHARING_<NAME>`."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from coffer_chassis.hashing import HashingSettings
from coffer_chassis.sealing import PublicKeySetting
from coffer_chassis.signing.settings import KeySecret
from coffer_sharing.domain import MOST_RECIPIENTS


class SharingSettings(HashingSettings):
    """What can be set for sharing beside what every service has."""

    model_config = SettingsConfigDict(env_prefix="COFFER_SHARING_", frozen=True, extra="ignore")

    issuer: str = Field(
        "coffer-sharing", description="The `iss` of link sessions and tickets. Changing it ends every one.", min_length=1
    )
    key_secret: KeySecret = Field(
        description="32 bytes in hexadecimal that seal the private signing keys in the store and make the addresses of links:"
        " with another one links go on to work, but nobody can be shown their addresses again."
    )
    expire_every_seconds: float = Field(
        2,
        description="Pause between two looks for shares and links whose time is up; their rights end on time in any case.",
        gt=0,
        le=3600,
    )
    ended_keep_days: int = Field(400, description="How long a share or a link that has ended is kept on record.", ge=31)
    accesses_keep_days: int = Field(
        90, description="How long it is kept what visitors did with a link; shown to its maker.", ge=1, le=400
    )
    address_secret: KeySecret = Field(
        description="32 bytes in hexadecimal: e-mail addresses are digested and sealed with keys that are made of it."
    )
    mail_public_key: PublicKeySetting = Field(
        description="Public half of the notifier's `mail_private_key`, in hexadecimal: mail to the invited is sealed to it."
    )
    invitation_days: int = Field(30, description="After how many days an invitation ends that nobody followed.", ge=1, le=365)
    invitations_per_day: int = Field(
        100, description="How many addresses one person may share with in a day, at most.", ge=MOST_RECIPIENTS, le=100_000
    )
