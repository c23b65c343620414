"""For walking every route: the people who ask, a drive of which some of them were given a part, and one call for every route.

Each call is made on things made for it alone, so the order of the walk does not matter.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from factories.people import PASSWORD, Person
from factories.world import World, new_name

ABSENT = "0193439e-8a5c-7000-8000-00000000dead"
_NO_WEBHOOK = {"webhook": ABSENT}
_numbers = itertools.count()


def link_session() -> str:
    """A token as the session of a public link has it, for no link that exists."""
    claims = {"iss": "coffer-sharing", "sub": f"link/{ABSENT}", "aud": "coffer", "kind": "link", "iat": 1, "exp": 4102444800}
    return jwt.encode(claims | {"jti": ABSENT}, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "1"})


def _queue_of(who: Person | None) -> str:
    """The ARN of somebody's queue; nothing is sent there."""
    return f"arn:aws:sqs:us-east-1:444455556666:{who.name if who else 'nobody'}"


@dataclass
class Call:
    """One request to one route."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    form: dict[str, str] | None = None
    token: str | None = None
    """Instead of the asking person's own."""


def _sign_out(_world: World, who: Person | None) -> Call:
    """Everybody ends a session of its own; those without an account have none."""
    return Call(token=_fresh_session(who))


def _confirm_totp(_world: World, who: Person | None) -> Call:
    """A wrong first code for a setup that waits for one."""
    if who is not None:
        assert who.http.post("/v1/me/mfa/totp", json={"password": PASSWORD}).status_code == 201
    return Call(json={"code": "000000"})


def _fresh_session(who: Person | None) -> str | None:
    if who is None:
        return None
    answer = who.http.post("/v1/auth/login", json={"login": who.name, "password": PASSWORD})
    token: str = answer.json()["access_token"]
    return token


TOKEN = {"name": "walk", "scopes": ["files:read"], "expires_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}


def _access_token(who: Person | None) -> str:
    """A fresh one of the caller."""
    if who is None:
        return ABSENT
    answer = who.http.post("/v1/me/tokens", json=TOKEN)
    assert answer.status_code == 201, answer.text
    token_id: str = answer.json()["id"]
    return token_id


Make = Callable[[World, Person | None], Call]

CALLS: dict[str, Make] = {
    "get_information": lambda world, who: Call(),
    "get_key_set": lambda world, who: Call(),
    "register_account": lambda world, who: Call(
        json={"username": f"new{next(_numbers)}", "email": f"new{next(_numbers)}@example.org", "password": PASSWORD}
    ),
    "sign_in": lambda world, who: Call(json={"login": world.someone.name, "password": PASSWORD}),
    "refresh_session": lambda world, who: Call(json={"refresh_token": _refresh_token(world.someone)}),
    "sign_out": _sign_out,
    "list_oidc_issuers": lambda world, who: Call(),
    "exchange_id_token": lambda world, who: Call(json={"id_token": "no.issuer.configured"}),
    "verify_token": lambda world, who: Call(),
    "step_up_session": lambda world, who: Call(json={"password": PASSWORD}),
    "sign_in_with_code": lambda world, who: Call(json={"mfa_token": "cof_mfa_of-no-sign-in", "code": "000000"}),
    "get_mfa": lambda world, who: Call(),
    "sign_out_browser": lambda world, who: Call(),
    "verify_email": lambda world, who: Call(json={"token": "cof_mail_unknown"}),
    "resend_verification": lambda world, who: Call(),
    "change_email": lambda world, who: Call(json={"email": f"{uuid4()}@example.org", "password": PASSWORD}),
    "forgot_password": lambda world, who: Call(json={"email": f"{uuid4()}@example.org"}),
    "reset_password": lambda world, who: Call(json={"token": "cof_mail_unknown", "new_password": "five loud badgers"}),
    "change_password": lambda world, who: Call(json={"current": "not this one either", "new": "five loud badgers"}),
    "list_sessions": lambda world, who: Call(),
    "end_session": lambda world, who: Call({"session_id": ABSENT}),
    "begin_totp": lambda world, who: Call(json={"password": PASSWORD}),
    "confirm_totp": _confirm_totp,
    "turn_totp_off": lambda world, who: Call(json={"password": PASSWORD, "code": "000000"}),
    "rotate_recovery_codes": lambda world, who: Call(json={"code": "000000"}),
    "list_access_tokens": lambda world, who: Call(),
    "create_access_token": lambda world, who: Call(json=TOKEN),
    "revoke_access_token": lambda world, who: Call({"token": _access_token(who)}),
    "get_me": lambda world, who: Call(),
    "change_me": lambda world, who: Call(json={"timezone": "Europe/Berlin"}),
    "create_user": lambda world, who: Call(
        json={"username": f"new{next(_numbers)}", "email": f"new{next(_numbers)}@example.org", "password": PASSWORD}
    ),
    "login_with_form": lambda world, who: Call(form={"username": world.someone.name, "password": PASSWORD}),
    "check_token": lambda world, who: Call(),
    "send_photo": lambda world, who: Call(json={"size": 3, "mime_type": "image/jpeg"}),
    "get_own_photo": lambda world, who: Call(),
    "get_photo": lambda world, who: Call({"person": world.someone.id}),
    "remove_photo": lambda world, who: Call(),
    "request_photo_form": lambda world, who: Call(query={"photo_size_in_bytes": 3}),
    "get_photo_url": lambda world, who: Call(),
    "look_up_person": lambda world, who: Call(query={"q": world.someone.name}),
    "list_accounts": lambda world, who: Call(query={"q": world.someone.name}),
    "create_account": lambda world, who: Call(
        json={"username": f"made{next(_numbers)}", "email": f"made{next(_numbers)}@example.org"}
    ),
    "get_account": lambda world, who: Call({"account": world.someone.id}),
    "change_account": lambda world, who: Call({"account": world.someone.id}, json={"quota_bytes": None}),
    "delete_account": lambda world, who: Call({"account": ABSENT}),
    "revoke_account_sessions": lambda world, who: Call({"account": ABSENT}),
    "reset_account_password": lambda world, who: Call({"account": ABSENT}),
    "reset_account_mfa": lambda world, who: Call({"account": ABSENT}),
    "list_changes": lambda world, who: Call(),
    "get_changes_cursor": lambda world, who: Call(),
    "make_folder": lambda world, who: Call(json={"parent_id": world.item(), "name": new_name()}),
    "get_item": lambda world, who: Call({"item": world.file}),
    "get_item_by_path": lambda world, who: Call(query={"path": "/photo.jpg", "in": world.folder}),
    "list_favourites": lambda world, who: Call(),
    "add_favourite": lambda world, who: Call({"item": world.file}),
    "remove_favourite": lambda world, who: Call({"item": world.item()}),
    "list_recent": lambda world, who: Call(),
    "list_tags": lambda world, who: Call(),
    "set_tags": lambda world, who: Call({"item": world.item()}, json={"tags": ["walked"]}),
    "run_batch": lambda world, who: Call(json={"operations": [{"op": "trash", "item_id": world.item()}]}),
    "trash_item": lambda world, who: Call({"item": world.item()}),
    "change_item": lambda world, who: Call({"item": world.item()}, json={"name": new_name()}),
    "copy_item": lambda world, who: Call({"item": world.file}, json={"parent_id": world.folder, "name": new_name()}),
    "list_children": lambda world, who: Call({"item": world.folder}),
    "get_content": lambda world, who: Call({"item": world.file}),
    "head_content": lambda world, who: Call({"item": world.file}),
    "get_download_url": lambda world, who: Call({"item": world.file}),
    "get_preview": lambda world, who: Call({"item": world.file}),
    "regenerate_preview": lambda world, who: Call({"item": world.picture()}),
    "get_drive_settings": lambda world, who: Call({"item": world.root()}),
    "set_drive_settings": lambda world, who: Call({"item": world.root()}, json={"keep_locations": False}),
    "lock_item": lambda world, who: Call({"item": world.item()}, json={"ttl": 5}),
    "unlock_item": lambda world, who: Call({"item": world.item()}),
    "create_archive": lambda world, who: Call(json={"item_ids": [world.file]}),
    "get_archive": lambda world, who: Call({"archive": ABSENT}, query={"ticket": "none"}),
    "get_preview_info": lambda world, who: Call({"item": world.file}),
    "list_trash": lambda world, who: Call(),
    "purge_item": lambda world, who: Call({"item": world.trashed()}),
    "restore_item": lambda world, who: Call({"item": world.trashed()}, json={}),
    "list_versions": lambda world, who: Call({"item": world.file}),
    "get_version": lambda world, who: Call(world.version()),
    "change_version": lambda world, who: Call(world.version(), json={"label": "as sent"}),
    "restore_version": lambda world, who: Call(world.version()),
    "delete_version": lambda world, who: Call(world.version()),
    "list_uploads": lambda world, who: Call(),
    "start_upload": lambda world, who: Call(json={"parent_id": world.folder, "name": new_name(), "size": 3}),
    "start_uploads": lambda world, who: Call(
        json={"parent_id": world.folder, "files": [{"name": new_name(), "size": 3, "path": new_name()}]}
    ),
    "complete_uploads": lambda world, who: Call(json={"upload_ids": [world.upload()]}),
    "get_upload": lambda world, who: Call({"upload": world.upload()}),
    "abort_upload": lambda world, who: Call({"upload": world.upload()}),
    "resolve_upload": lambda world, who: Call({"upload": world.upload()}, json={"name": new_name()}),
    "sign_parts": lambda world, who: Call({"upload": world.upload(mode="multipart")}, json={"numbers": [1]}),
    "complete_upload": lambda world, who: Call({"upload": world.upload()}, json={}),
    "retry_upload": lambda world, who: Call({"upload": world.upload()}, json={}),
    "get_upload_timeline": lambda world, who: Call({"upload": world.upload()}),
    "search_items": lambda world, who: Call(query={"q": "photo", "in": world.folder}),
    "suggest_items": lambda world, who: Call(query={"q": "photo"}),
    "remember_query": lambda world, who: Call(json={"q": "photo"}),
    "forget_queries": lambda world, who: Call(),
    "get_usage": lambda world, who: Call(),
    "empty_trash": lambda world, who: Call(),
    "list_jobs": lambda world, who: Call(),
    "get_job": lambda world, who: Call({"job": _job(world)}),
    "cancel_job": lambda world, who: Call({"job": _job(world)}),
    "list_files_jobs": lambda world, who: Call(),
    "get_files_job": lambda world, who: Call({"job": _job(world)}),
    "run_files_job": lambda world, who: Call({"kind": "purge_old"}),
    "cancel_files_job": lambda world, who: Call({"job": _job(world)}),
    "create_folder": lambda world, who: Call(json={"folder_name": new_name(), "parent_folder_id": world.item()}),
    "get_drive": lambda world, who: Call(),
    "get_drive_folder": lambda world, who: Call({"folder": world.folder}),
    "rename_folder": lambda world, who: Call({"folder": world.item()}, json={"new_name": new_name()}),
    "request_file_form": lambda world, who: Call(
        json={"file_name": new_name(), "file_size_in_bytes": 3, "parent_folder_id": world.folder}
    ),
    "get_file_url": lambda world, who: Call({"file": world.file}),
    "rename_file": lambda world, who: Call({"file": world.file}, json={"file_name": new_name()}),
    "get_image_preview": lambda world, who: Call({"file": world.file}),
    "list_files_uploads": lambda world, who: Call(),
    "get_files_upload_timeline": lambda world, who: Call({"upload": world.upload()}),
    "list_quarantine": lambda world, who: Call(),
    "list_failing_webhooks": lambda world, who: Call(),
    "look_up_webhook": lambda world, who: Call(_NO_WEBHOOK),
    "take_webhook_down": lambda world, who: Call(_NO_WEBHOOK, json={"reason": "walked"}),
    "put_webhook_back": lambda world, who: Call(_NO_WEBHOOK),
    "release_upload": lambda world, who: Call({"upload": world.upload()}),
    "discard_upload": lambda world, who: Call({"upload": world.upload()}),
    "regenerate_previews": lambda world, who: Call(json={"reason": "unsupported"}),
    "reconcile_bucket": lambda world, who: Call(json={}),
    "list_reconciliations": lambda world, who: Call(),
    "get_reconciliation": lambda world, who: Call({"reconciliation": _reconciliation(who)}),
    "share_item": lambda world, who: Call(
        json={"item_id": world.known_item(), "recipients": [{"username": world.someone.name}], "role": "viewer"}
    ),
    "list_item_shares": lambda world, who: Call(query={"item_id": world.folder}),
    "explain_rights": lambda world, who: Call(query={"item_id": world.folder, "user_id": world.viewer.id}),
    "list_shares_by_me": lambda world, who: Call(),
    "list_shares_with_me": lambda world, who: Call(),
    "get_share": lambda world, who: Call({"share": world.shared()}),
    "change_share": lambda world, who: Call({"share": world.shared()}, json={"role": "editor"}),
    "revoke_share": lambda world, who: Call({"share": world.shared()}),
    "share_drive_item": lambda world, who: Call(json={"folder_id": world.known_item(), "username": world.someone.name}),
    "get_shared_with_me": lambda world, who: Call(),
    "list_invitations": lambda world, who: Call(query={"item_id": world.folder}),
    "get_invitation": lambda world, who: Call({"invitation": world.invited()}),
    "change_invitation": lambda world, who: Call({"invitation": world.invited()}, json={"role": "editor"}),
    "revoke_invitation": lambda world, who: Call({"invitation": world.invited()}),
    "leave_share": lambda world, who: Call({"share": world.shared()}),
    "add_comment": lambda world, who: Call(json={"item_id": world.file, "body": "Nice"}),
    "list_comments": lambda world, who: Call(query={"item_id": world.file}),
    "get_comment": lambda world, who: Call({"comment": world.comment()}),
    "change_comment": lambda world, who: Call({"comment": world.comment()}, json={"body": "Better"}),
    "delete_comment": lambda world, who: Call({"comment": world.comment()}),
    "resolve_comment": lambda world, who: Call({"comment": world.comment()}),
    "reopen_comment": lambda world, who: Call({"comment": world.comment()}),
    "create_link": lambda world, who: Call(json={"item_id": world.known_item()}),
    "list_links": lambda world, who: Call(query={"item_id": world.folder}),
    "get_link": lambda world, who: Call({"link": world.link()["id"]}),
    "change_link": lambda world, who: Call({"link": world.link()["id"]}, json={"name": new_name()}),
    "delete_link": lambda world, who: Call({"link": world.link()["id"]}),
    "list_link_accesses": lambda world, who: Call({"link": world.link()["id"]}),
    "get_link_key_set": lambda world, who: Call(),
    "view_link": lambda world, who: Call({"token": world.link_token()}),
    "unlock_link": lambda world, who: Call({"token": world.link_token()}, json={}),
    "create_tickets": lambda world, who: Call({"token": world.link_token()}, json={"item_id": world.file}),
    "look_up_link": lambda world, who: Call(json={"address": world.link_token()}),
    "take_link_down": lambda world, who: Call({"link": world.link()["id"]}, json={"reason": "walked"}),
    "put_link_back": lambda world, who: Call({"link": world.link()["id"]}),
    "list_activity": lambda world, who: Call(query={"item_id": world.folder}),
    "get_analytics": lambda world, who: Call(),
    "export_analytics": lambda world, who: Call(),
    "list_event_types": lambda world, who: Call(),
    "list_events": lambda world, who: Call(),
    "get_event_type": lambda world, who: Call({"event_type": "files.item.created.v1"}),
    "get_event_schema": lambda world, who: Call({"event_type": "files.item.created.v1"}),
    "list_notifications": lambda world, who: Call(),
    "mark_notifications_read": lambda world, who: Call(json={"ids": [ABSENT]}),
    "mark_all_notifications_read": lambda world, who: Call(),
    "delete_notification": lambda world, who: Call({"notice": world.notice()}),
    "get_notification_preferences": lambda world, who: Call(),
    "set_notification_preferences": lambda world, who: Call(json={"locale": "en"}),
    "show_unsubscribe_page": lambda world, who: Call(query={"token": "unknown"}),
    "stop_mail": lambda world, who: Call(query={"token": "unknown"}),
    "open_stream": lambda world, who: Call(),
    "open_notifications_stream": lambda world, who: Call(),
    "create_webhook": lambda world, who: Call(json={"url": "https://hooks.example.org/coffer", "event_types": ["files.*"]}),
    "list_webhooks": lambda world, who: Call(),
    "get_webhook": lambda world, who: Call(_NO_WEBHOOK),
    "change_webhook": lambda world, who: Call(_NO_WEBHOOK, json={"enabled": False}),
    "delete_webhook": lambda world, who: Call(_NO_WEBHOOK),
    "rotate_webhook_secret": lambda world, who: Call(_NO_WEBHOOK),
    "try_webhook": lambda world, who: Call(_NO_WEBHOOK, json={"event_type": "files.item.committed.v1"}),
    "recover_webhook": lambda world, who: Call(_NO_WEBHOOK, json={"since": "2026-11-20T10:15:00Z"}),
    "list_webhook_deliveries": lambda world, who: Call(_NO_WEBHOOK),
    "get_webhook_delivery": lambda world, who: Call(_NO_WEBHOOK | {"delivery": ABSENT}),
    "create_topic_subscription": lambda world, who: Call(json={"topic": "files-events", "queue_arn": "arn:aws:sqs:x:y:z"}),
    "list_topic_subscriptions": lambda world, who: Call(),
    "get_topic_subscription": lambda world, who: Call({"subscription": ABSENT}),
    "change_topic_subscription": lambda world, who: Call({"subscription": ABSENT}, json={"event_types": []}),
    "delete_topic_subscription": lambda world, who: Call({"subscription": ABSENT}),
    "list_subscription_deliveries": lambda world, who: Call(_NO_WEBHOOK),
    "get_subscription_delivery": lambda world, who: Call(_NO_WEBHOOK | {"delivery": ABSENT}),
    "redeliver_subscription": lambda world, who: Call(_NO_WEBHOOK | {"delivery": ABSENT}),
    "recover_subscription": lambda world, who: Call(_NO_WEBHOOK, json={"since": "2026-11-20T10:15:00Z"}),
    "try_subscription": lambda world, who: Call(_NO_WEBHOOK, json={"event_type": "files.item.committed.v1"}),
    "create_subscription": lambda world, who: Call(json={"queue_arn": _queue_of(who), "event_types": ["files.*"]}),
    "list_subscriptions": lambda world, who: Call(),
    "get_subscription": lambda world, who: Call(_NO_WEBHOOK),
    "change_subscription": lambda world, who: Call(_NO_WEBHOOK, json={"enabled": False}),
    "delete_subscription": lambda world, who: Call(_NO_WEBHOOK),
    "send_subscription_code": lambda world, who: Call(_NO_WEBHOOK),
    "confirm_subscription": lambda world, who: Call(_NO_WEBHOOK, json={"code": "x"}),
    "list_subscription_events": lambda world, who: Call(_NO_WEBHOOK),
    "replay_subscription": lambda world, who: Call(_NO_WEBHOOK, json={"after": 0}),
    "redeliver_webhook": lambda world, who: Call(_NO_WEBHOOK | {"delivery": ABSENT}),
}
"""Operation -> a request that its table row answers for."""

_LETTERS = {"ids": [ABSENT]}
OPERATORS: dict[str, Make] = {
    "list_{}_queues": lambda world, who: Call(),
    "get_{}_outbox": lambda world, who: Call(),
    "list_{}_dead_letters": lambda world, who: Call(),
    "group_{}_dead_letters": lambda world, who: Call(),
    "get_{}_dead_letter": lambda world, who: Call({"letter": ABSENT}),
    "redrive_{}_dead_letter": lambda world, who: Call({"letter": ABSENT}),
    "redrive_{}_dead_letters": lambda world, who: Call(json=_LETTERS | {"dry_run": True}),
    "drop_{}_dead_letter": lambda world, who: Call({"letter": ABSENT}, json={"confirm": "drop 1"}),
    "drop_{}_dead_letters": lambda world, who: Call(json=_LETTERS | {"confirm": "drop 0"}),
    "list_{}_replays": lambda world, who: Call(),
    "republish_{}_events": lambda world, who: Call(json={"dry_run": True}),
    "get_{}_replay": lambda world, who: Call({"replay": ABSENT}),
    "cancel_{}_replay": lambda world, who: Call({"replay": ABSENT}),
    "list_{}_limits": lambda world, who: Call(),
    "lift_{}_limit": lambda world, who: Call(json={"policy": "default", "who": f"user/{ABSENT}"}),
}
"""What every service has for operators; the gap is for the service."""
CALLS |= {
    name.format(service): make
    for name, make in OPERATORS.items()
    for service in ("auth", "files", "media_worker", "sharing", "notifier")
}
for _name in ("list_audit_entries", "list_audit_anchors", "export_audit"):
    CALLS[_name] = lambda world, who: Call()


def _job(world: World) -> str:
    """A job of the owner."""
    answer = world.owner.http.delete("/v1/trash")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _reconciliation(who: Person | None) -> str:
    """One that the caller asked for, where they may."""
    answer = who.http.post("/v1/admin/files/reconcile", json={}) if who else None
    return str(answer.json()["id"]) if answer and answer.status_code == 202 else ABSENT


def _refresh_token(person: Person) -> str:
    answer = person.http.post("/v1/auth/login", json={"login": person.name, "password": PASSWORD})
    token: str = answer.json()["refresh_token"]
    return token


def ask(base: httpx.Client, method: str, path: str, call: Call) -> int:
    """Send it; the status. A stream is left as soon as it has begun."""
    for name, value in call.path.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"{path} lacks a value"
    headers = {"Authorization": f"Bearer {call.token}"} if call.token else {}
    body: dict[str, Any] = {"json": call.json, "data": call.form}
    with base.stream(method, path, params=call.query, headers=headers, follow_redirects=False, **body) as answer:
        return answer.status_code
