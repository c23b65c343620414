"""Settings of the notifier: `COFFER_NOTIFIER_<NAME>`."""

from email.utils import parseaddr
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from coffer_chassis.sealing import OpeningKey, PrivateKeySetting
from coffer_chassis.settings import ServiceSettings
from coffer_notifier.domain.letters import usable_address

KEY_SECRET_BYTES = 32


def _thirty_two_bytes(secret: SecretStr) -> SecretStr:
    try:
        length = len(bytes.fromhex(secret.get_secret_value()))
    except ValueError:
        length = 0
    if length != KEY_SECRET_BYTES:
        raise ValueError("must be 32 bytes in hexadecimal, e.g. from `openssl rand -hex 32`")
    return secret


class NotifierSettings(ServiceSettings):
    """What can be set for the notifier beside what every service has."""

    model_config = SettingsConfigDict(env_prefix="COFFER_NOTIFIER_", frozen=True, extra="ignore")

    mail_from: str = Field(
        "coffer@localhost", description="Sender of all mail, e.g. `Coffer <coffer@example.org>`; SES must know it as verified."
    )
    mail_private_key: PrivateKeySetting = Field(
        description="32 bytes in hexadecimal that open the secrets of mail; auth has the public half as `mail_public_key`."
    )
    mail_previous_private_key: PrivateKeySetting | None = Field(
        None, description="The key before that, for secrets that are still on their way while keys are changed."
    )
    mail_to_unverified: bool = Field(
        False,
        description="Whether shares and warnings are mailed to addresses that nobody has verified. What verifies them is.",
    )
    mail_attempts: int = Field(8, description="How often a mail is tried before it is given up.", ge=1, le=50)
    mail_body_days: int = Field(7, description="How long texts of ended mail are kept.", ge=1)
    mail_keep_days: int = Field(90, description="How long it is known that a mail was sent or given up.", ge=31)
    stream_keep_hours: int = Field(24, description="How far back a live stream can be resumed.", ge=1, le=24 * 7)
    streams_per_user: int = Field(5, description="Live streams of one person in one process, at most.", ge=1, le=100)
    notice_read_keep_days: int = Field(90, description="How long a notice is kept once it was read.", ge=31)
    notice_keep_days: int = Field(365, description="How long a notice is kept at all.", ge=31)
    webhook_key_secret: Annotated[SecretStr, AfterValidator(_thirty_two_bytes)] = Field(
        description="32 bytes in hexadecimal that seal the secrets of webhooks in the store."
    )
    webhook_allow_loopback: bool = Field(
        False, description="Whether webhooks may go to this machine, by http as well. For trials only."
    )
    webhooks_per_user: int = Field(20, description="Webhooks of one person, at most.", ge=1, le=1000)
    webhook_deliveries_at_once: int = Field(
        64,
        description="Webhook requests that one process has under way at most: half of them to receivers that took the last"
        " one, a quarter to new ones, a quarter to those that fail.",
        ge=4,
        le=1000,
    )
    webhook_keep_days: int = Field(30, description="How long deliveries of webhooks are kept, with what was sent.", ge=8)

    @property
    def mail_keys(self) -> tuple[OpeningKey, ...]:
        """What opens the secrets of mail, the key in use first."""
        given = (self.mail_private_key, self.mail_previous_private_key)
        return tuple(OpeningKey.of_hex(key.get_secret_value()) for key in given if key is not None)

    @field_validator("mail_from")
    @classmethod
    def _can_send(cls, sender: str) -> str:
        if not sender.isprintable() or usable_address(parseaddr(sender)[1]) is None:
            raise ValueError("it must hold an address that mail can carry, such as coffer@example.org")
        return sender
