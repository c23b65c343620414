"""Every kind of caller walks every route of the running system. What each is answered stands in one table.

The items asked for lie in a folder of the owner that the viewer may view and the editor may edit; uploads, shares and
comments asked for are the owner's own, shares are with the viewer.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from coffer_local.registry import SERVICES
from factories import patient
from factories.people import Person, all_leave
from factories.stacks import LocalStack
from factories.walk import CALLS, OPERATORS, ask, link_session
from factories.world import World

pytestmark = pytest.mark.slow

TABLE = """
operation                    nobody  link  stranger  viewer  editor  owner  operator
get_information                 200   200       200     200     200    200       200
get_key_set                     200   200       200     200     200    200       200
register_account                201   201       201     201     201    201       201
sign_in                         200   200       200     200     200    200       200
refresh_session                 200   200       200     200     200    200       200
sign_out                        401   401       204     204     204    204       204
sign_out_browser                403   403       403     403     403    403       403
verify_email                    410   410       410     410     410    410       410
resend_verification             401   401       202     202     202    202       202
change_email                    401   401       202     202     202    202       202
forgot_password                 202   202       202     202     202    202       202
reset_password                  410   410       410     410     410    410       410
change_password                 401   401       401     401     401    401       401
list_sessions                   401   401       200     200     200    200       200
end_session                     401   401       404     404     404    404       404
list_oidc_issuers               200   200       200     200     200    200       200
exchange_id_token               403   403       403     403     403    403       403
verify_token                    401   401       200     200     200    200       200
step_up_session                 401   401       200     200     200    200       200
sign_in_with_code               401   401       401     401     401    401       401
get_mfa                         401   401       200     200     200    200       200
begin_totp                      401   401       201     201     201    201       201
confirm_totp                    401   401       401     401     401    401       401
turn_totp_off                   401   401       404     404     404    404       404
rotate_recovery_codes           401   401       409     409     409    409       409
list_access_tokens              401   401       200     200     200    200       200
create_access_token             401   401       201     201     201    201       201
revoke_access_token             401   401       204     204     204    204       204
get_me                          401   401       200     200     200    200       200
change_me                       401   401       200     200     200    200       200
create_user                     201   201       201     201     201    201       201
login_with_form                 200   200       200     200     200    200       200
check_token                     401   401       200     200     200    200       200
send_photo                      401   401       200     200     200    200       200
get_own_photo                   401   401       404     404     404    404       404
get_photo                       401   401       404     404     404    404       404
remove_photo                    401   401       204     204     204    204       204
request_photo_form              401   401       200     200     200    200       200
get_photo_url                   401   401       404     404     404    404       404
look_up_person                  401   401       200     200     200    200       200
list_accounts                   401   401       403     403     403    403       200
create_account                  401   401       403     403     403    403       201
get_account                     401   401       403     403     403    403       200
change_account                  401   401       403     403     403    403       200
delete_account                  401   401       403     403     403    403       404
revoke_account_sessions         401   401       403     403     403    403       404
reset_account_password          401   401       403     403     403    403       404
reset_account_mfa               401   401       403     403     403    403       404
list_changes                    401   401       200     200     200    200       200
get_changes_cursor              401   401       200     200     200    200       200
make_folder                     401   401       404     403     201    201       404
get_item                        401   401       404     200     200    200       404
get_item_by_path                401   401       404     200     200    200       404
list_favourites                 401   401       200     200     200    200       200
add_favourite                   401   401       404     204     204    204       404
remove_favourite                401   401       404     204     204    204       404
list_recent                     401   401       200     200     200    200       200
list_tags                       401   401       200     200     200    200       200
run_batch                       401   401       200     200     200    200       200
set_tags                        401   401       404     403     200    200       404
change_item                     401   401       404     403     200    200       404
copy_item                       401   401       404     403     201    201       404
trash_item                      401   401       404     403     204    204       404
list_children                   401   401       404     200     200    200       404
get_content                     401   401       404     302     302    302       404
head_content                    401   401       404     200     200    200       404
get_download_url                401   401       404     200     200    200       404
get_preview                     401   401       404     302     302    302       404
get_preview_info                401   401       404     200     200    200       404
regenerate_preview              401   401       404     403     202    202       404
get_drive_settings              401   401       404     404     404    200       404
set_drive_settings              401   401       404     404     404    200       404
create_archive                  401   401       404     201     201    201       404
get_archive                     404   404       404     404     404    404       404
lock_item                       401   401       404     403     200    200       404
unlock_item                     401   401       404     403     204    204       404
list_trash                      401   401       200     200     200    200       200
restore_item                    401   401       404     403     200    200       404
purge_item                      401   401       404     403     403    204       404
list_versions                   401   401       404     200     200    200       404
get_version                     401   401       404     200     200    200       404
change_version                  401   401       404     403     200    200       404
restore_version                 401   401       404     403     200    200       404
delete_version                  401   401       404     403     403    409       404
list_uploads                    401   401       200     200     200    200       200
start_upload                    401   401       404     403     201    201       404
start_uploads                   401   401       404     403     200    200       404
complete_uploads                401   401       200     200     200    200       200
get_upload                      401   401       404     404     404    200       404
get_upload_timeline             401   401       404     404     404    200       404
abort_upload                    401   401       404     404     404    204       404
resolve_upload                  401   401       404     404     404    409       404
sign_parts                      401   401       404     404     404    200       404
complete_upload                 401   401       404     404     404    409       404
retry_upload                    401   401       404     404     404    409       404
search_items                    401   401       404     200     200    200       404
suggest_items                   401   401       200     200     200    200       200
remember_query                  401   401       204     204     204    204       204
forget_queries                  401   401       204     204     204    204       204
get_usage                       401   401       200     200     200    200       200
empty_trash                     401   401       202     202     202    202       202
list_jobs                       401   401       200     200     200    200       200
get_job                         401   401       404     404     404    200       404
cancel_job                      401   401       404     404     404    202       404
list_files_jobs                 401   401       403     403     403    403       200
get_files_job                   401   401       403     403     403    403       200
run_files_job                   401   401       403     403     403    403       202
cancel_files_job                401   401       403     403     403    403       202
create_folder                   401   401       404     403     200    200       404
get_drive                       401   401       200     200     200    200       200
get_drive_folder                401   401       404     200     200    200       404
rename_folder                   401   401       404     403     200    200       404
request_file_form               401   401       404     403     200    200       404
get_file_url                    401   401       404     200     200    200       404
rename_file                     401   401       404     403     200    200       404
get_image_preview               401   401       404     200     200    200       404
list_files_uploads              401   401       403     403     403    403       200
get_files_upload_timeline       401   401       403     403     403    403       200
list_quarantine                 401   401       403     403     403    403       200
list_failing_webhooks           401   401       403     403     403    403       200
look_up_webhook                 401   401       403     403     403    403       404
take_webhook_down               401   401       403     403     403    403       404
put_webhook_back                401   401       403     403     403    403       404
release_upload                  401   401       403     403     403    403       409
discard_upload                  401   401       403     403     403    403       409
regenerate_previews             401   401       403     403     403    403       202
reconcile_bucket                401   401       403     403     403    403       202
list_reconciliations            401   401       403     403     403    403       200
get_reconciliation              401   401       403     403     403    403       200
share_item                      401   401       404     403     403    201       404
list_item_shares                401   401       404     200     200    200       404
explain_rights                  401   401       404     200     404    200       404
list_shares_by_me               401   401       200     200     200    200       200
list_shares_with_me             401   401       200     200     200    200       200
get_share                       401   401       404     200     404    200       404
change_share                    401   401       404     403     404    200       404
revoke_share                    401   401       404     403     404    204       404
share_drive_item                401   401       404     403     403    200       404
get_shared_with_me              401   401       200     200     200    200       200
list_invitations                401   401       200     200     200    200       200
get_invitation                  401   401       404     404     404    200       404
change_invitation               401   401       404     404     404    200       404
revoke_invitation               401   401       404     404     404    204       404
leave_share                     401   401       404     204     404    403       404
add_comment                     401   401       404     201     201    201       404
list_comments                   401   401       404     200     200    200       404
get_comment                     401   401       404     200     200    200       404
change_comment                  401   401       404     403     403    200       404
delete_comment                  401   401       404     403     403    204       404
resolve_comment                 401   401       404     403     200    200       404
reopen_comment                  401   401       404     403     200    200       404
create_link                     401   401       404     403     403    201       404
list_links                      401   401       404     200     200    200       404
get_link                        401   401       404     404     404    200       404
change_link                     401   401       404     404     404    200       404
delete_link                     401   401       404     404     404    204       404
list_link_accesses              401   401       404     404     404    200       404
get_link_key_set                200   200       200     200     200    200       200
view_link                       200   200       200     200     200    200       200
unlock_link                     200   200       200     200     200    200       200
create_tickets                  401   401       404     404     404    404       404
look_up_link                    401   401       403     403     403    403       200
take_link_down                  401   401       403     403     403    403       200
put_link_back                   401   401       403     403     403    403       200
list_activity                   401   401       404     200     200    200       404
get_analytics                   401   401       200     200     200    200       200
export_analytics                401   401       200     200     200    200       200
list_event_types                200   200       200     200     200    200       200
list_events                     401   401       200     200     200    200       200
get_event_type                  200   200       200     200     200    200       200
get_event_schema                200   200       200     200     200    200       200
list_notifications              401   401       200     200     200    200       200
mark_notifications_read         401   401       204     204     204    204       204
mark_all_notifications_read     401   401       204     204     204    204       204
delete_notification             401   401       204     204     204    204       204
get_notification_preferences    401   401       200     200     200    200       200
set_notification_preferences    401   401       200     200     200    200       200
show_unsubscribe_page           404   404       404     404     404    404       404
stop_mail                       404   404       404     404     404    404       404
open_stream                     401   401       200     200     200    200       200
open_notifications_stream       401   401       200     200     200    200       200
create_webhook                  401   401       201     201     201    201       201
list_webhooks                   401   401       200     200     200    200       200
get_webhook                     401   401       404     404     404    404       404
change_webhook                  401   401       404     404     404    404       404
delete_webhook                  401   401       404     404     404    404       404
rotate_webhook_secret           401   401       404     404     404    404       404
try_webhook                     401   401       404     404     404    404       404
recover_webhook                 401   401       404     404     404    404       404
list_webhook_deliveries         401   401       404     404     404    404       404
get_webhook_delivery            401   401       404     404     404    404       404
redeliver_webhook               401   401       404     404     404    404       404
create_topic_subscription       401   401       403     403     403    403       422
list_topic_subscriptions        401   401       403     403     403    403       200
get_topic_subscription          401   401       403     403     403    403       404
change_topic_subscription       401   401       403     403     403    403       404
delete_topic_subscription       401   401       403     403     403    403       404
list_subscription_deliveries    401   401       404     404     404    404       404
get_subscription_delivery       401   401       404     404     404    404       404
redeliver_subscription          401   401       404     404     404    404       404
recover_subscription            401   401       404     404     404    404       404
try_subscription                401   401       404     404     404    404       404
create_subscription             401   401       201     201     201    201       201
list_subscriptions              401   401       200     200     200    200       200
get_subscription                401   401       404     404     404    404       404
change_subscription             401   401       404     404     404    404       404
delete_subscription             401   401       404     404     404    404       404
send_subscription_code          401   401       404     404     404    404       404
confirm_subscription            401   401       404     404     404    404       404
list_subscription_events        401   401       404     404     404    404       404
replay_subscription             401   401       404     404     404    404       404
"""
"""`operator` is an account with that role and nothing else: it runs the installation and sees nobody's files. Deleting a notice
is answered alike whoever asks, and deletes the caller's own only.
"""

_HEAD, *_ROWS = [line.split() for line in TABLE.strip().splitlines()]
WHO = _HEAD[1:]
EXPECTED = {row[0]: dict(zip(WHO, map(int, row[1:]), strict=True)) for row in _ROWS}
_NONE_THERE = (
    "get_{}_dead_letter",
    "redrive_{}_dead_letter",
    "drop_{}_dead_letter",
    "get_{}_replay",
    "cancel_{}_replay",
    "lift_{}_limit",
)
EXPECTED |= {
    operation: dict(zip(WHO, (401, 401, 403, 403, 403, 403, 404 if absent else 200), strict=True))
    for operation, absent in [
        ("list_audit_entries", False),
        ("list_audit_anchors", False),
        ("export_audit", False),
        *(
            (template.format(entry.name.replace("-", "_")), template in _NONE_THERE)
            for template in OPERATORS
            for entry in SERVICES
        ),
    ]
}


@pytest.fixture(scope="module")
def world(stack: LocalStack) -> Iterator[World]:
    yield World.at(stack.url)
    all_leave()


@pytest.fixture(autouse=True)
def _doors_closed() -> None:
    """The world's people stay until the module ends."""


@pytest.fixture(scope="module")
def callers(stack: LocalStack, world: World) -> dict[str, Person | None]:
    """Who asks; None has no account."""
    operator = Person.at(stack.url)
    stack.run("coffer_auth", "grant-operator", operator.name)
    operator.sign_in()
    people = {"viewer": world.viewer, "editor": world.editor, "owner": world.owner, "operator": operator}
    return {"nobody": None, "link": None, "stranger": Person.at(stack.url), **people}


@pytest.fixture(scope="module")
def routes(stack: LocalStack) -> dict[str, tuple[str, str]]:
    """Operation -> method and path template, from the one document."""
    paths: dict[str, dict[str, Any]] = patient.get(f"{stack.url}/schema/openapi.json").json()["paths"]
    return {what["operationId"]: (method.upper(), path) for path, item in paths.items() for method, what in item.items()}


def test_the_table_holds_every_route_and_no_other(routes: dict[str, tuple[str, str]]) -> None:
    assert set(EXPECTED) == set(routes)
    assert set(CALLS) == set(routes)


@pytest.mark.parametrize("operation", EXPECTED)
def test_everybody_is_answered_as_the_table_says(
    stack: LocalStack, world: World, callers: dict[str, Person | None], routes: dict[str, tuple[str, str]], operation: str
) -> None:
    assert list(callers) == WHO
    method, path = routes[operation]
    answered = {}
    for name, person in callers.items():
        call = CALLS[operation](world, person)
        headers = {"Authorization": f"Bearer {link_session()}"} if name == "link" else {}
        with httpx.Client(base_url=stack.url, headers=headers, timeout=30) as nobody:
            answered[name] = ask(person.http if person else nobody, method, path, call)
    assert answered == EXPECTED[operation]


def test_nobody_deletes_the_notices_of_others(world: World, callers: dict[str, Person | None]) -> None:
    world.shared()
    notice = CALLS["delete_notification"](world, None).path["notice"]
    for name in ("stranger", "editor", "owner", "operator"):
        person = callers[name]
        assert person is not None
        assert person.http.delete(f"/v1/notifications/{notice}").status_code == 204
    assert notice in {item["id"] for item in world.viewer.get("/v1/notifications")["items"]}
