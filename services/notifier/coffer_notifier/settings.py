"""Settings of the notifier: `COFFER_NOTIFIER_<NAME>`."""

from email.utils import parseaddr

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from coffer_chassis.settings import ServiceSettings
from coffer_notifier.domain.letters import usable_address


class NotifierSettings(ServiceSettings):
    """What can be set for the notifier beside what every service has."""

    model_config = SettingsConfigDict(env_prefix="COFFER_NOTIFIER_", frozen=True, extra="ignore")

    mail_from: str = Field(
        "coffer@localhost", description="Sender of all mail, e.g. `Coffer <coffer@example.org>`; SES must know it as verified."
    )
    mail_to_unverified: bool = Field(
        True,
        description="Whether mail goes to addresses that nobody has verified. True for now, because nothing verifies them yet.",
    )
    mail_attempts: int = Field(8, description="How often a mail is tried before it is given up.", ge=1, le=50)
    mail_body_days: int = Field(7, description="How long texts of ended mail are kept.", ge=1)
    mail_keep_days: int = Field(90, description="How long it is known that a mail was sent or given up.", ge=31)
    stream_keep_hours: int = Field(24, description="How far back a live stream can be resumed.", ge=1, le=24 * 7)
    streams_per_user: int = Field(5, description="Live streams of one person in one process, at most.", ge=1, le=100)
    notice_read_keep_days: int = Field(90, description="How long a notice is kept once it was read.", ge=31)
    notice_keep_days: int = Field(365, description="How long a notice is kept at all.", ge=31)

    @field_validator("mail_from")
    @classmethod
    def _can_send(cls, sender: str) -> str:
        if not sender.isprintable() or usable_address(parseaddr(sender)[1]) is None:
            raise ValueError("it must hold an address that mail can carry, such as coffer@example.org")
        return sender
