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

from coffer_chassis.signing.store import signing_keys_table
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
    Column("photo", Text),
    Column("photo_number", BigInteger, nullable=False, server_default=text("0")),
    Column("photos_sent", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("status IN ('active', 'suspended', 'deleted')", name="users_status"),
    Index("users_username", "username_key", unique=True),
    # Only who proved an address has it to themselves: whoever merely claims one keeps nobody from it.
    Index("users_verified_email", "email_key", unique=True, postgresql_where=text("email_verified AND status <> 'deleted'")),
    Index("users_email", "email_key"),
)

passwords = Table(
    "passwords",
    METADATA,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    # Facts told about it, and passwords that it has held: a sign-in under way must not outlive the password it was made with.
    Column("revision", BigInteger, nullable=False, server_default=text("1")),
    Column("generation", BigInteger, nullable=False, server_default=text("1")),
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
    Index("sessions_end", "expires_at"),
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

photos = Table(
    "photos",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mime_type", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("etag", Text),
    Column("attempts", Integer, nullable=False),
    Column("asked_at", Instant),
    Column("received_at", Instant),
    Column("ended_at", Instant),
    Column("reason", Text),
    Column("detail", Text),
    Column("looked_at", Instant, nullable=False, server_default=text("now()")),
    Index("photos_of_user", "user_id", "number", unique=True),
    Index("photos_waiting", "looked_at", postgresql_where=text("state IN ('created', 'received')")),
    Index("photos_ended", "ended_at"),
    comment="Photos on their way from people to the media worker, and for a while what became of them.",
)

doomed_objects = Table(
    "doomed_objects",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("not_before", Instant, nullable=False),
    Index("doomed_objects_due", "not_before"),
    comment="Objects that are to be deleted: originals, and squares that nobody shows any more.",
)

signing_keys = signing_keys_table(METADATA)

login_attempts = Table(
    "login_attempts",
    METADATA,
    Column("counter", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("window_ends_at", Instant, nullable=False),
    Index("login_attempts_window", "window_ends_at"),
)

email_tokens = Table(
    "email_tokens",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    CheckConstraint("purpose IN ('verify', 'reset')", name="email_tokens_purpose"),
    Index("email_tokens_user", "user_id", "purpose"),
    Index("email_tokens_expires", "expires_at"),
    comment="Links that were mailed, by digest. The address is the one that whoever follows the link has proved to read.",
)

errands = Table(
    "errands",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    # No foreign key: that would look an account up, where there is one.
    Column("user_id", Id),
    Column("email", Text),
    Column("reason", Text),
    Column("address", Text),
    Column("agent", Text),
    Column("actor_id", Text),
    Column("actor_kind", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("traceparent", Text),
    Column("asked_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("not_before", Instant, nullable=False, server_default=text("now()")),
    CheckConstraint("kind IN ('verify', 'reset', 'failure')", name="errands_kind"),
    Index("errands_order", "not_before", "asked_at", "id"),
    comment="What is done after an answer was given: requests write one row alike, whether an account exists or not.",
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
    Column("password_shown", Boolean, nullable=False, server_default=text("false")),
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
