"""auth's tables as they are today; how they came to be stands in `migrations`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from coffer_chassis.tables import Id, Instant, chassis_tables

METADATA = MetaData()
CHASSIS = chassis_tables(METADATA)

users = Table(
    "users",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("username", Text, nullable=False),
    Column("username_key", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("email_verified", Boolean, nullable=False, server_default=text("false")),
    Column("display_name", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("status", Text, nullable=False, server_default=text("'active'")),
    Column("roles", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("revision", BigInteger, nullable=False, server_default=text("1")),
    Column("login_failures", BigInteger, nullable=False, server_default=text("0")),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("timezone", Text),
    Column("quota_bytes", BigInteger),
    CheckConstraint("status IN ('active', 'suspended', 'deleted')", name="users_status"),
    Index("users_username", "username_key", unique=True),
    Index("users_email", "email_key", unique=True),
)

passwords = Table(
    "passwords",
    METADATA,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("device_name", Text),
    Column("address", Text),
    Column("agent", Text),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revision", BigInteger, nullable=False, server_default=text("1")),
    Column("revoked_at", Instant),
    Column("revoked_reason", Text),
    Column("password_proved_at", Instant),
    Column("code_proved_at", Instant),
    Index("sessions_user", "user_id"),
    Index("sessions_revoked", "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
)

refresh_tokens = Table(
    "refresh_tokens",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("session_id", Id, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("rotated_at", Instant),
    Index("refresh_tokens_session", "session_id"),
)

signing_keys = Table(
    "signing_keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("sealed_private_key", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("usable_from", Instant, nullable=False),
    Column("needed_until", Instant),
)

login_attempts = Table(
    "login_attempts",
    METADATA,
    Column("counter", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("window_ends_at", Instant, nullable=False),
    Index("login_attempts_window", "window_ends_at"),
)

second_factors = Table(
    "second_factors",
    METADATA,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed_secret", LargeBinary),
    Column("begun_at", Instant),
    Column("confirmed_at", Instant),
    Column("last_step", BigInteger, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("refused_until", Instant),
    Column("revision", BigInteger, nullable=False, server_default=text("0")),
)

recovery_codes = Table(
    "recovery_codes",
    METADATA,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("used_at", Instant),
)

login_challenges = Table(
    "login_challenges",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("device_name", Text),
    Column("network", Text),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("expires_at", Instant, nullable=False),
    Index("login_challenges_user", "user_id"),
    Index("login_challenges_end", "expires_at"),
)

access_tokens = Table(
    "access_tokens",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("key_id", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    Column("revision", BigInteger, nullable=False, server_default=text("1")),
    Index("access_tokens_user", "user_id", "created_at", "id"),
    Index("access_tokens_end", "expires_at"),
)

oidc_links = Table(
    "oidc_links",
    METADATA,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("linked_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False),
    Index("oidc_links_user", "user_id"),
)
