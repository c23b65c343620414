"""The tables. How rows are read and written stands in the files beside this.

Handlers of one batch share a transaction and take rows of the copies in the consumer's order; nothing here locks others.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from coffer_chassis.copies.grants import grants_table
from coffer_chassis.copies.people import people_table
from coffer_chassis.copies.tree import tree_table
from coffer_chassis.revocations import revocations_table
from coffer_chassis.tables import Id, Instant, chassis_tables
from coffer_notifier.store.analytics_tables import analytics_tables
from coffer_notifier.store.audit_tables import audit_tables

metadata = MetaData()
chassis = chassis_tables(metadata)
grants = grants_table(metadata)
tree = tree_table(metadata)
people = people_table(metadata)
revocations = revocations_table(metadata)
audit = audit_tables(metadata)
analytics = analytics_tables(metadata)

SHOWN = text("deleted_at IS NULL AND in_app")
UNREAD = text("read_at IS NULL AND deleted_at IS NULL AND in_app")
OPEN = text("gather_key IS NOT NULL AND read_at IS NULL AND deleted_at IS NULL")
WAITING = text("state IN ('queued', 'sending')")
SENDING = text("state = 'sending'")
IN_TROUBLE = text("(taken_down_at IS NOT NULL OR (failing_since IS NOT NULL AND (enabled OR disabled_for IS NOT NULL)))")
"""Of webhooks: they fail, Coffer turned them off for that, or an operator did."""
TROUBLED_SINCE = text("coalesce(failing_since, taken_down_at)")
IN_LINE = text("state IN ('queued', 'sending') AND line IS NOT NULL")

notices = Table(
    "notices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("actor_id", Text),
    Column("item_id", Id),
    Column("item_kind", Text),
    Column("item_name", Text),
    Column("owner_id", Id),
    Column("share_id", Id),
    Column("data", JSONB, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("read_at", Instant),
    Column("deleted_at", Instant),
    Column("in_app", Boolean, nullable=False, server_default=text("true")),
    Column("gather_key", Text),
    Column("facts_count", Integer, nullable=False, server_default=text("1")),
    Column("first_at", Instant),
    UniqueConstraint("user_id", "event_id", name="notices_once"),
    Index("notices_open", "user_id", "gather_key", unique=True, postgresql_where=OPEN),
    Index("notices_of_user", "user_id", "created_at", "id", postgresql_where=SHOWN),
    Index("notices_unread", "user_id", "created_at", postgresql_where=UNREAD),
    Index("notices_on_item", "item_id"),
    Index("notices_created", "created_at"),
    comment="What people are told, once per person and fact; a deleted one stays, empty, until its time is over.",
)

gathered_facts = Table(
    "gathered_facts",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("notice_id", Id, ForeignKey("notices.id", ondelete="CASCADE"), nullable=False),
    Index("gathered_facts_of_notice", "notice_id"),
    comment="Which facts a notice about several speaks of; each once per person, for as long as that notice is known.",
)

preferences = Table(
    "preferences",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("choices", JSONB, nullable=False),
    Column("quiet_hours", JSONB(none_as_null=True)),
    Column("locale", Text),
    Column("revision", BigInteger, nullable=False),
    Column("changed_at", Instant, nullable=False),
    comment="By what people want to be told of what; choices hold only what differs from the defaults.",
)

stream = Table(
    "stream",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("xid", BigInteger, nullable=False, server_default=text("pg_current_xact_id()::text::bigint")),
    Column("user_id", Id, nullable=False),
    Column("topic", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("at", Instant, nullable=False),
    Index("stream_order", "xid", "position"),
    Index("stream_of_user", "user_id", "xid", "position"),
    Index("stream_at", "at"),
    comment="What live streams tell: one row per fact and reader. Read up to the oldest running transaction only.",
)

activity = Table(
    "activity",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("actor_id", Text),
    Column("actor_kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("item_id", Id),
    Column("item_kind", Text),
    Column("item_name", Text),
    Column("owner_id", Id, nullable=False),
    Column("recipient_id", Id),
    Column("scope", ARRAY(Id), nullable=False),
    Column("changes", JSONB, nullable=False),
    Column("reason", Text),
    Column("address", Text),
    Column("agent", Text),
    Index("activity_of_owner", "owner_id", "at", "id"),
    Index("activity_of_item", "item_id", "at", "id"),
    Index("activity_of_recipient", "recipient_id", "at", "id", postgresql_where=text("recipient_id IS NOT NULL")),
    Index("activity_scope", "scope", postgresql_using="gin"),
    Index("activity_at", "at"),
    comment="Who did what to which item, once per fact; scope is the item and the folders above it at that time.",
)

mails = Table(
    "mails",
    metadata,
    Column("id", Id, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("user_id", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("message_id", Text, nullable=False, unique=True),
    Column("to_address", Text),
    Column("subject", Text),
    Column("text", Text),
    Column("html", Text),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("not_before", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ses_id", Text),
    Column("last_error", Text),
    Column("traceparent", Text),
    Column("correlation_id", Text),
    UniqueConstraint("user_id", "event_id", name="mails_once"),
    Index("mails_due", "not_before", postgresql_where=WAITING),
    Index("mails_created", "created_at"),
    comment="Mail to people, once per person and fact. Composed at the first attempt; not_before also ends a claim.",
)

known_sign_ins = Table(
    "known_sign_ins",
    metadata,
    Column("user_id", Id, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Index("known_sign_ins_age", "last_seen_at"),
    comment="Kinds of devices and networks that people signed in from, as digests, so that something new stands out.",
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("item_id", Id),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("disabled_for", Text),
    Column("disabled_at", Instant),
    Column("failing_since", Instant),
    Column("proven", Boolean, nullable=False),
    Column("sealed_secret", LargeBinary),
    Column("sealed_old_secret", LargeBinary),
    Column("old_secret_until", Instant),
    Column("older_secrets", JSONB, nullable=False, server_default=text("'[]'")),
    Column("last_failed_at", Instant),
    Column("last_error", Text),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("kind", Text, nullable=False, server_default=text("'webhook'")),
    Column("confirmed_at", Instant),
    Column("code_digest", LargeBinary),
    Column("code_until", Instant),
    Column("last_number", BigInteger, nullable=False, server_default=text("0")),
    Column("taken_down_at", Instant),
    Column("takedown_reason", Text),
    Column("back_on", Boolean, nullable=False, server_default=text("false")),
    Index("webhooks_of_user", "user_id", "created_at", "id"),
    Index("webhooks_in_trouble", TROUBLED_SINCE, "id", postgresql_where=IN_TROUBLE),
    comment="Where people want programs to be told of facts, and of which: addresses and queues. Secrets are sealed.",
)

deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("webhook_id", Id, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("fact", Text),
    Column("body", Text),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("not_before", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("latency_ms", Integer),
    Column("log", JSONB, nullable=False),
    Column("traceparent", Text),
    Column("correlation_id", Text),
    Column("number", BigInteger),
    Column("line", Text),
    Column("place", BigInteger),
    Column("again", Integer, nullable=False, server_default=text("0")),
    UniqueConstraint("webhook_id", "event_id", name="webhook_deliveries_once"),
    Index("webhook_deliveries_due", "webhook_id", "not_before", postgresql_where=WAITING),
    Index("webhook_deliveries_sending", "webhook_id", "not_before", postgresql_where=SENDING),
    Index("webhook_deliveries_next", "not_before", postgresql_where=WAITING),
    Index("webhook_deliveries_of_webhook", "webhook_id", "created_at", "id"),
    Index("webhook_deliveries_created", "created_at"),
    Index("webhook_deliveries_numbers", "webhook_id", "number", unique=True, postgresql_where=text("number IS NOT NULL")),
    Index("webhook_deliveries_lines", "webhook_id", "line", "place", "id", postgresql_where=IN_LINE),
    comment="Facts on their way to webhooks, once per webhook and fact; not_before also ends a claim.",
)
