"""auth's settings: `COFFER_AUTH_<NAME>`, beside those every service has."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from coffer_chassis.hashing import HashingSettings
from coffer_chassis.sealing import PublicKeySetting
from coffer_chassis.signing.settings import KeySecret

OidcAlgorithm = Literal["RS256", "ES256", "EdDSA"]
_WEB_ADDRESS = r"^https?://[^/\s?#]+(/[^\s?#]*)?$"


class OidcIssuer(BaseModel):
    """Somebody by whose word people may sign in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(description="The `iss` claim, to the letter; discovery stands below it.", pattern=_WEB_ADDRESS)
    audience: tuple[str, ...] = Field(
        description="Ids of the clients whose ID tokens count, as the issuer knows them.", min_length=1
    )
    algorithms: tuple[OidcAlgorithm, ...] = Field(("RS256",), description="How it may sign.", min_length=1)
    create_accounts: bool = Field(False, description="Whether whoever has no account gets one.", strict=True)
    jwks_url: str | None = Field(None, description="Where its keys are, if discovery shall not be asked.", pattern=_WEB_ADDRESS)


class AuthSettings(HashingSettings):
    """What auth alone needs."""

    model_config = SettingsConfigDict(env_prefix="COFFER_AUTH_", frozen=True, extra="ignore")

    issuer: str = Field(
        "coffer-auth", description="The `iss` of auth's tokens. Changing it ends every access token.", min_length=1
    )
    key_secret: KeySecret = Field(description="32 bytes in hexadecimal that seal the private signing keys in the store.")
    mail_public_key: PublicKeySetting = Field(
        description="Public half of the notifier's `mail_private_key`, in hexadecimal: secrets of mail are sealed to it."
    )
    oidc_issuers: tuple[OidcIssuer, ...] = Field(
        (), description="JSON list of OIDC issuers by whose word people may sign in, each with `issuer` and `audience`."
    )
    require_verified_email: bool = Field(
        False, description="Whether only accounts with a proved e-mail address may sign in; needs mail to be sent."
    )
