"""auth's settings: `COFFER_AUTH_<NAME>`, beside those every service has."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from coffer_chassis.sealing import PublicKeySetting
from coffer_chassis.settings import ServiceSettings

KEY_SECRET_BYTES = 32


def _thirty_two_bytes(secret: SecretStr) -> SecretStr:
    try:
        length = len(bytes.fromhex(secret.get_secret_value()))
    except ValueError:
        length = 0
    if length != KEY_SECRET_BYTES:
        raise ValueError("must be 32 bytes in hexadecimal, e.g. from `openssl rand -hex 32`")
    return secret


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


class AuthSettings(ServiceSettings):
    """What auth alone needs."""

    model_config = SettingsConfigDict(env_prefix="COFFER_AUTH_", frozen=True, extra="ignore")

    issuer: str = Field(
        "coffer-auth", description="The `iss` of auth's tokens. Changing it ends every access token.", min_length=1
    )
    key_secret: Annotated[SecretStr, AfterValidator(_thirty_two_bytes)] = Field(
        description="32 bytes in hexadecimal that seal the private signing keys in the store."
    )
    mail_public_key: PublicKeySetting = Field(
        description="Public half of the notifier's `mail_private_key`, in hexadecimal: secrets of mail are sealed to it."
    )
    oidc_issuers: tuple[OidcIssuer, ...] = Field(
        (), description="JSON list of OIDC issuers by whose word people may sign in, each with `issuer` and `audience`."
    )
    password_memory_kib: int = Field(65_536, description="argon2id: memory of one hash.", ge=8, le=4_194_304)
    password_passes: int = Field(2, description="argon2id: passes over that memory.", ge=1, le=100)
    password_threads: int = Field(2, description="Passwords hashed at the same time by one process.", ge=1, le=64)
    password_queue: int = Field(
        96, description="Passwords waiting to be hashed; the next sign-in is answered with 503.", ge=0, le=10_000
    )
    require_verified_email: bool = Field(
        False, description="Whether only accounts with a proved e-mail address may sign in; needs mail to be sent."
    )
