"""Settings of the notifier: `COFFER_NOTIFIER_<NAME>`."""

from email.utils import parseaddr
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
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
        "coffer@localhost",
        description="Sender of all mail, e.g. `Coffer <coffer@example.org>`. SES must know it as verified, and DKIM should"
        " cover `List-Unsubscribe` and `List-Unsubscribe-Post`.",
    )
    mail_transport: Literal["ses", "smtp"] = Field(
        "ses", description="Who takes mail: Amazon SES, or a server that speaks SMTP, for which the settings below are."
    )
    smtp_host: str | None = Field(None, description="Where the server is.", min_length=1)
    smtp_port: int = Field(587, description="Its port.", ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="`starttls`: TLS or nothing, after the greeting. `tls`: from the beginning, mostly on port 465. `none`:"
        " everything is readable on the way, so that no password is sent.",
    )
    smtp_username: str | None = Field(None, description="The name to sign in with; without it nobody signs in.")
    smtp_password: SecretStr | None = Field(None, description="The password for that.")
    mail_private_key: PrivateKeySetting = Field(
        description="32 bytes in hexadecimal that open the secrets of mail; auth has the public half as `mail_public_key`."
    )
    mail_previous_private_key: PrivateKeySetting | None = Field(
        None, description="The key before that, for secrets that are still on their way while keys are changed."
    )
    unsubscribe_key: Annotated[SecretStr, AfterValidator(_thirty_two_bytes)] = Field(
        description="32 bytes in hexadecimal that sign the links in mail by which people turn mail of a kind off."
    )
    unsubscribe_previous_key: Annotated[SecretStr, AfterValidator(_thirty_two_bytes)] | None = Field(
        None, description="The key before that, so that links in older mail still work."
    )
    mail_to_unverified: bool = Field(
        False,
        description="Whether shares and warnings are mailed to addresses that nobody has verified. What verifies them is.",
    )
    mail_attempts: int = Field(8, description="How often a mail is tried before it is given up.", ge=1, le=50)
    mail_body_days: int = Field(7, description="How long texts of ended mail are kept.", ge=1)
    mail_keep_days: int = Field(90, description="How long it is known that a mail was sent or given up.", ge=31)
    stream_keep_hours: int = Field(24, description="How far back a live stream can be resumed.", ge=1, le=24 * 7)
    streams_per_user: int = Field(5, description="Live streams of one person at a time, over all processes.", ge=1, le=100)
    gather_minutes: int = Field(
        30,
        description="Uploads to one folder by one person within so much time are told in one notice, and in one mail when the"
        " time is over.",
        ge=1,
        le=24 * 60,
    )
    streams_per_process: int = Field(
        2000, description="Live streams that one process serves at most. An idle one takes about 30 KiB.", ge=1, le=100_000
    )
    notice_read_keep_days: int = Field(90, description="How long a notice is kept once it was read.", ge=31)
    notice_keep_days: int = Field(365, description="How long a notice is kept at all.", ge=31)
    webhook_key_secret: Annotated[SecretStr, AfterValidator(_thirty_two_bytes)] = Field(
        description="32 bytes in hexadecimal that seal the secrets of webhooks in the store."
    )
    webhook_allow_loopback: bool = Field(
        False, description="Whether webhooks may go to this machine, by http as well. For trials only."
    )
    webhooks_per_user: int = Field(20, description="Webhooks and queues of one person, at most.", ge=1, le=1000)
    queue_principal: str | None = Field(
        None,
        description="As whom AWS sees the notifier when it sends to queues of subscribers: the ARN of its role or user, or its "
        "account. It stands in the policies that subscribers are shown. Without it nobody can subscribe a queue.",
        pattern=r"^(\d{12}|arn:aws[a-z-]*:iam::\d{12}:(role|user)/[A-Za-z0-9+=,.@_/-]{1,512})$",
    )
    webhook_deliveries_at_once: int = Field(
        64,
        description="Webhook requests and messages to queues that one process has under way at most: half of them to receivers"
        " that took the last one, a quarter to new ones, a quarter to those that fail. Eight times as many may be waited for"
        " besides, of receivers that have not answered after half a second.",
        ge=4,
        le=1000,
    )
    webhook_keep_days: int = Field(30, description="How long deliveries of webhooks are kept, with what was sent.", ge=8)

    activity_keep_days: int = Field(365, description="How long it is kept who did what to which item or account.", ge=31)
    audit_keep_days: int = Field(
        365, description="How long the audit is kept. What is younger than 30 days the store itself refuses to delete.", ge=31
    )
    analytics_open_days: int = Field(
        45,
        description="How long after a day facts of it are still counted in the usage figures, and what they are counted by is"
        " kept.",
        ge=31,
        le=90,
    )
    analytics_keep_days: int = Field(800, description="How long usage figures per day are kept.", ge=100, le=10_000)

    @model_validator(mode="after")
    def _smtp_is_whole(self) -> Self:
        if self.mail_transport == "smtp" and self.smtp_host is None:
            raise ValueError("mail_transport smtp needs smtp_host")
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("smtp_username and smtp_password belong together")
        if self.smtp_security == "none" and self.smtp_password is not None:
            raise ValueError("a password is sent over TLS only: set smtp_security to starttls or tls")
        return self

    @property
    def mail_keys(self) -> tuple[OpeningKey, ...]:
        """What opens the secrets of mail, the key in use first."""
        given = (self.mail_private_key, self.mail_previous_private_key)
        return tuple(OpeningKey.of_hex(key.get_secret_value()) for key in given if key is not None)

    @property
    def unsubscribe_keys(self) -> tuple[bytes, ...]:
        """What signs and opens the links by which mail is turned off, the key in use first."""
        given = (self.unsubscribe_key, self.unsubscribe_previous_key)
        return tuple(bytes.fromhex(key.get_secret_value()) for key in given if key is not None)

    @field_validator("queue_principal", mode="before")
    @classmethod
    def _empty_is_none(cls, principal: object) -> object:
        return principal or None

    @field_validator("mail_from")
    @classmethod
    def _can_send(cls, sender: str) -> str:
        if not sender.isprintable() or usable_address(parseaddr(sender)[1]) is None:
            raise ValueError("it must hold an address that mail can carry, such as coffer@example.org")
        return sender
