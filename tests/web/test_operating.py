"""Whoever runs Coffer does it from the web app: sees how every part stands, settles what failed, looks after people, and reads
what was done. Whoever does not run it never finds these pages.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from playwright.sync_api import Download, Route, expect

from factories.axe import violations
from factories.browsers import PATIENCE_MS, PHONE, WIDE, Visitor, answered
from factories.images import eicar, jpeg
from factories.people import PASSWORD, Person
from factories.roles import Queues
from factories.stacks import LocalStack

pytestmark = pytest.mark.slow

expect.set_options(timeout=PATIENCE_MS)

SERVICES = ("auth", "files", "media-worker", "sharing", "notifier")
PAGES = {
    "": "Health",
    "/queues": "Queues",
    "/letters": "Dead letters",
    "/usage": "Usage",
    "/uploads": "Uploads",
    "/people": "People",
    "/links": "Links",
    "/audit": "Audit",
    "/jobs": "Jobs",
    "/topics": "Topics",
    "/limits": "Limits",
}
LOADED = {"": ".verdict", "/letters": ".nothing", "/usage": ".drawing svg"}
"""What is on a page when it has been read, where it is no sheet."""
LETTERS = "/v1/admin/files/dead-letters"
MODULE = "name => import(document.querySelector('script[type=module]').src.replace('main.js', name))"


@pytest.fixture(scope="module")
def boss(stack: LocalStack) -> Iterator[Person]:
    person = Person.at(stack.url)
    stack.run("coffer_auth", "grant-operator", person.name)
    person.sign_in()
    yield person
    person.http.close()


@pytest.fixture(autouse=True)
def _doors_closed() -> None:
    """The operator stays until the module ends."""


@pytest.fixture
def desk(visitor: Visitor, boss: Person) -> Visitor:
    """The operator in front of the first page."""
    visitor.signs_in(boss, "/app/operate")
    expect(visitor.page.get_by_role("heading", name="Health", level=1)).to_be_visible()
    return visitor


def at(desk: Visitor, path: str) -> None:
    """Go to one of the pages; returns when what it shows was read."""
    desk.goes(f"/app/operate{path}")
    page = path.partition("?")[0]
    if page in PAGES:
        expect(desk.page.get_by_role("heading", name=PAGES[page], level=1)).to_be_visible()


def row(desk: Visitor, text: str) -> Any:
    return desk.page.get_by_role("row").filter(has_text=text)


def refused_upload(person: Person) -> str:
    """An upload that is rejected; its id."""
    started = person.announce("secret plans.txt", len(eicar()))
    person.send(started, eicar())
    person.complete(started["id"])
    assert person.finished(started["id"])["state"] == "rejected"
    upload_id: str = started["id"]
    return upload_id


def test_an_operator_sees_every_part_and_every_lane(desk: Visitor) -> None:
    parts = desk.page.get_by_role("list", name="Services")
    for service in SERVICES:
        part = parts.get_by_role("listitem").filter(has=desk.page.get_by_role("heading", name=service, exact=True))
        expect(part).to_contain_text("Ready")
        expect(part).to_contain_text("Database")
        expect(part).to_contain_text("Broker")
    expect(desk.page.get_by_role("link", name="Operate")).to_have_attribute("aria-current", "page")
    desk.page.get_by_role("link", name="Queues").click()
    for queue in ("files-fast", "media-worker-bulk", "notifier-audit", "auth-storage", "sharing-tree"):
        expect(row(desk, queue)).to_contain_text("Running")


def test_it_reads_again_by_itself_until_told_not_to(desk: Visitor) -> None:
    with answered(desk.page, "/v1/admin/files/outbox"), answered(desk.page, "/v1/admin/files/queues"):
        pass
    follow = desk.page.get_by_role("button", name="Refresh by itself")
    expect(follow).to_have_attribute("aria-pressed", "true")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "false")


def test_a_part_that_hangs_is_told_of_within_seconds_and_so_is_its_return(desk: Visitor, stack: LocalStack) -> None:
    broker: psutil.Process = stack.child("launch_ministack")
    findings = desk.page.get_by_role("list", name="What needs somebody")
    broker.suspend()
    try:
        expect(findings).to_contain_text("files cannot reach its queues")
        expect(desk.page.get_by_text("Something needs you")).to_be_visible()
    finally:
        broker.resume()
    expect(desk.page.get_by_text("cannot reach its queues")).to_have_count(0, timeout=90_000)


def test_a_gateway_that_is_gone_is_told_of_as_well(desk: Visitor) -> None:
    desk.page.context.set_offline(True)
    expect(desk.page.get_by_text("Coffer cannot be reached.")).to_be_visible(timeout=30_000)
    desk.page.context.set_offline(False)
    expect(desk.page.get_by_text("Coffer cannot be reached.")).to_have_count(0)


def test_whoever_is_no_operator_finds_no_page_and_asks_for_nothing(visitor: Visitor, ana: Person) -> None:
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.signs_in(ana)
    expect(visitor.page.get_by_role("link", name="Trash")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="Operate")).to_have_count(0)
    for path in [*PAGES, f"/uploads/{ana.id}", f"/people/{ana.id}", "/nothing"]:
        visitor.goes(f"/app/operate{path}")
        expect(visitor.page.get_by_role("alert")).to_contain_text("This does not exist")
    assert not [url for url in asked if re.search("/v1/(admin|audit|analytics)", url)]


def test_an_operator_at_a_page_that_there_is_not_is_told_so(desk: Visitor) -> None:
    desk.goes("/app/operate/constructor")
    expect(desk.page.get_by_role("alert")).to_contain_text("This does not exist")


def test_what_failed_for_good_is_found_sent_again_and_given_up(desk: Visitor, boss: Person, stack: LocalStack) -> None:
    for body in ("not json at all", json.dumps({"type": "media.upload.cleared.v1", "password": "hunter2"})):
        Queues(stack).send("files-fast", body)
    boss.wait_for(
        lambda: boss.get("/v1/admin/files/queues"),
        lambda page: sum(queue["dead_depth"] + queue["dead_letters"] for queue in page["items"]) >= 2,
        within_seconds=60,
    )
    stack.run("coffer_files", "dead-letters", "list")
    finding = desk.page.get_by_role("listitem").filter(has_text="2 messages of files-fast failed for good")
    finding.get_by_role("link", name="Look").click()
    letters = desk.page.get_by_role("table", name="Letters")
    expect(letters.get_by_role("row")).to_have_count(3)
    expect(desk.page.get_by_role("table", name="What died alike")).to_be_visible()

    assert violations(desk) == [], "letters"

    letters.get_by_role("button", name="Look at").first.click()
    dialog = desk.page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be read by its contract")
    assert violations(desk) == [], "a letter"
    assert "hunter2" not in desk.page.content()
    dialog.get_by_role("button", name="Give up").click()
    expect(dialog).to_contain_text("will never be done")
    dialog.get_by_role("button", name="Give up for good").click()
    expect(letters.get_by_role("row")).to_have_count(2)

    desk.page.get_by_role("button", name="Send all again").click()
    expect(dialog).to_contain_text("1 letter goes to its queue again.")
    dialog.get_by_role("button", name="Send again").click()
    expect(desk.page.get_by_role("table", name="What files sends again")).to_contain_text("Done")
    # What was sent again is still poison, and dies again; while it is put away it counts twice.
    boss.wait_for(lambda: boss.get("/v1/admin/files/queues"), lambda page: dead(page) == 1, within_seconds=60)
    stack.run("coffer_files", "dead-letters", "list")

    at(desk, "/letters?service=files")
    desk.page.get_by_role("button", name="Give all up").click()
    sure = dialog.get_by_role("button", name="Give up for good")
    expect(sure).to_be_disabled()
    dialog.get_by_role("textbox").fill("drop 2")
    expect(sure).to_be_disabled()
    dialog.get_by_role("textbox").fill("drop 1")
    sure.click()
    expect(desk.page.get_by_text("No dead letters. Nothing failed for good.")).to_be_visible()
    assert boss.get(LETTERS)["items"] == []
    desk.page.get_by_label("State").select_option("dropped")
    expect(letters.get_by_role("row")).to_have_count(3)


def dead(page: dict[str, Any]) -> int:
    return sum(queue["dead_depth"] + queue["dead_letters"] for queue in page["items"])


def test_a_letter_that_somebody_else_settled_meanwhile_is_said_to_be(desk: Visitor, boss: Person, stack: LocalStack) -> None:
    Queues(stack).send("files-fast", "nonsense")
    boss.wait_for(lambda: boss.get("/v1/admin/files/queues"), lambda page: dead(page) >= 1, within_seconds=60)
    stack.run("coffer_files", "dead-letters", "list")
    at(desk, "/letters?service=files")
    redrive = desk.page.get_by_role("table", name="Letters").get_by_role("button", name="Send", exact=False).first
    expect(redrive).to_be_visible()
    stack.run("coffer_files", "dead-letters", "drop", "all", "--yes")
    redrive.click()
    expect(desk.page.locator(".toast.wrong")).to_be_visible()


def test_events_are_counted_and_then_published_again(desk: Visitor, boss: Person, ana: Person) -> None:
    ana.folder("Told again")
    at(desk, "/queues")
    desk.page.get_by_role("button", name="Publish again: events of files").click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_label("Only these types").fill("files.item.created.v9")
    dialog.get_by_role("button", name="Count them first").click()
    expect(dialog).to_contain_text("No events fit")
    dialog.get_by_label("Only these types").fill("files.item.created.v1")
    dialog.get_by_label("Only for this queue").fill("sharing-tree")
    dialog.get_by_role("button", name="Count them first").click()
    expect(dialog).to_contain_text(re.compile("[0-9]+ events? (is|are) published again"))
    dialog.get_by_role("button", name="Publish again").click()
    expect(desk.page.get_by_role("table", name="What files sends again")).to_contain_text("Events")
    boss.wait_for(
        lambda: boss.get("/v1/admin/files/republish")["items"][0],
        lambda replay: (replay["kind"], replay["state"]) == ("events", "done"),
        within_seconds=60,
    )


def test_charts_say_what_the_figures_say(desk: Visitor, boss: Person, ana: Person) -> None:
    ana.upload("picture.jpg", jpeg(160, 120), mime_type="image/jpeg")
    counted = boss.wait_for(
        lambda: boss.get("/v1/analytics", scope="house"),
        lambda figures: figures["points"][-1]["uploads"]["count"] >= 1,
        within_seconds=40,
    )
    at(desk, "/usage?range=7")
    chart = desk.page.get_by_role("figure", name="Uploads by kind")
    expect(chart.get_by_role("img")).to_be_visible()
    today = counted["points"][-1]["uploads"]
    chart.get_by_text("As a table").click()
    rows = chart.get_by_role("row")
    expect(rows).to_have_count(8)
    cells = [int(text) for text in rows.last.get_by_role("cell").locator("span:last-child").all_inner_texts()]
    assert sum(cells) >= today["count"]
    assert chart.locator("rect.mark").count() >= 1
    desk.page.get_by_label("Range").select_option("365")
    expect(chart.get_by_text("As a table")).to_have_count(1)
    expect(chart.get_by_role("row")).to_have_count(0)
    chart.get_by_text("As a table").click()
    expect(chart.get_by_role("row")).to_have_count(len(boss_months(boss)) + 1)
    with desk.page.expect_download() as kept:
        desk.page.get_by_role("button", name="CSV").click()
    assert saved(kept.value).startswith("day,series,detail,count,bytes")


def boss_months(boss: Person) -> list[Any]:
    """The steps of a year."""
    began = (datetime.now(UTC) - timedelta(days=364)).date().isoformat()
    points: list[Any] = boss.get("/v1/analytics", **{"scope": "house", "step": "month", "from": began})["points"]
    return points


def saved(download: Download) -> str:
    return download.path().read_text()


def test_an_upload_is_found_by_its_person_and_its_story_is_read_without_its_name(desk: Visitor, ana: Person) -> None:
    upload_id = refused_upload(ana)
    at(desk, "/uploads")
    desk.page.get_by_label("Upload id, or user name").fill(ana.name)
    desk.page.get_by_role("button", name="Find").click()
    expect(desk.page.get_by_role("button", name="remove this filter")).to_be_visible()
    expect(desk.page.get_by_role("table").get_by_role("row")).to_have_count(2)
    row(desk, upload_id).get_by_role("link", name=upload_id).click()
    steps = desk.page.locator(".timeline")
    for step in ("Announced", "Bytes arrived", "Media worker asked", "Refused"):
        expect(steps).to_contain_text(step)
    expect(desk.page.get_by_text("test virus")).to_be_visible()
    assert "secret plans" not in desk.page.content()
    release = desk.page.get_by_role("button", name="Let it in after all")
    # The bytes may still be on their way into quarantine; then it says so, and is asked again.
    ana.wait_for(lambda: {"ok": let_in(desk, release)}, lambda tried: tried["ok"], within_seconds=30)
    expect(steps).to_contain_text("In the drive")


def let_in(desk: Visitor, release: Any) -> bool:
    dialog = desk.page.get_by_role("dialog")
    release.click()
    with answered(desk.page, "/release") as answer:
        dialog.get_by_role("button", name="Let it in after all").click()
    if answer.value.ok:
        expect(dialog).to_have_count(0)
        return True
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    return False


def test_an_upload_that_waits_says_for_what_and_what_comes_next(desk: Visitor, ana: Person) -> None:
    started = ana.announce("later.txt", 5)
    at(desk, "/uploads")
    desk.page.get_by_label("Upload id, or user name").fill(started["id"])
    desk.page.get_by_role("button", name="Find").click()
    expect(desk.page.get_by_text("Waits for bytes")).to_be_visible()
    expect(desk.page.get_by_text("Expires by itself")).to_be_visible()
    ana.send(started, b"hello")
    expect(desk.page.locator(".timeline")).to_contain_text("In the drive")
    at(desk, "/uploads")
    desk.page.get_by_label("Upload id, or user name").fill("nobody-of-that-name")
    desk.page.get_by_role("button", name="Find").click()
    expect(desk.page.get_by_text("This does not exist")).to_be_visible()


def test_an_account_is_suspended_opened_again_given_room_and_signed_out(desk: Visitor, ana: Person) -> None:
    at(desk, "/people")
    desk.page.get_by_label("User name or address begins with").fill(ana.name)
    desk.page.get_by_role("button", name="Find").click()
    desk.page.get_by_role("link", name=ana.name).click()
    dialog = desk.page.get_by_role("dialog")
    does(desk, "Suspend")
    expect(desk.page.get_by_text("Suspended")).to_be_visible()
    login = {"login": ana.name, "password": PASSWORD}
    assert ana.http.post("/v1/auth/login", json=login).json()["code"] == "account_suspended"
    does(desk, "Open again")
    expect(desk.page.get_by_text("Active", exact=True)).to_be_visible()
    desk.page.get_by_role("button", name="Set the room").click()
    dialog.get_by_label("Gigabytes").fill("-1")
    dialog.get_by_role("button", name="Set the room").click()
    expect(dialog.locator(".wrong")).to_be_visible()
    dialog.get_by_label("Gigabytes").fill("3")
    dialog.get_by_role("button", name="Set the room").click()
    expect(desk.page.get_by_text("3 GB")).to_be_visible()
    ana.sign_in()
    does(desk, "Sign out everywhere")
    assert ana.http.post("/v1/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]}).status_code == 401


def does(desk: Visitor, act: str) -> None:
    """One act on the account that is shown, with the question before it."""
    desk.page.get_by_role("button", name=act, exact=True).click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_role("button", name=act, exact=True).click()
    expect(dialog).to_have_count(0)


def test_the_last_operator_stays_one_and_closing_takes_the_name(desk: Visitor, boss: Person, ana: Person) -> None:
    at(desk, f"/people/{boss.id}")
    desk.page.get_by_role("button", name="Suspend", exact=True).click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Suspend", exact=True).click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    at(desk, f"/people/{ana.id}")
    desk.page.get_by_role("button", name="Close the account").click()
    sure = dialog.get_by_role("button", name="Close the account")
    dialog.get_by_role("textbox").fill("somebody")
    expect(sure).to_be_disabled()
    dialog.get_by_role("textbox").fill(ana.name)
    sure.click()
    expect(desk.page.get_by_text("Closed", exact=True)).to_be_visible()
    assert ana.http.post("/v1/auth/login", json={"login": ana.name, "password": PASSWORD}).status_code == 401


def test_a_role_takes_proof_where_the_server_asks_for_it(desk: Visitor, ana: Person) -> None:
    at(desk, f"/people/{ana.id}")
    refusals: list[str] = []

    def refuse_once(route: Route) -> None:
        if route.request.method != "PATCH" or refusals:
            route.fallback()
            return
        refusals.append(route.request.url)
        body = {"code": "step_up_required", "status": 403, "title": "Prove again that it is you"}
        route.fulfill(status=403, content_type="application/problem+json", body=json.dumps(body))

    # As after a quarter of an hour, which nobody waits for here.
    desk.page.route("**/v1/admin/auth/users/*", refuse_once)
    desk.page.get_by_role("button", name="Make operator").click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make operator").click()
    expect(dialog.get_by_text("This takes proof")).to_be_visible()
    dialog.get_by_label("Password").fill("not this one at all")
    dialog.get_by_role("button", name="Make operator").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Make operator").click()
    expect(desk.page.get_by_role("button", name="Take the role")).to_be_visible()
    assert refusals
    does(desk, "Take the role")
    expect(desk.page.get_by_role("button", name="Make operator")).to_be_visible()


def test_the_audit_is_searched_exported_and_its_chain_verified(desk: Visitor, boss: Person) -> None:
    boss.http.post("/v1/auth/login", json={"login": boss.name, "password": "wrong words altogether"})
    boss.wait_for(
        lambda: boss.get("/v1/audit", action="login.failed"),
        lambda page: any(record["position"] for record in page["items"]),
        within_seconds=60,
    )
    at(desk, "/audit?action=login.failed")
    table = desk.page.get_by_role("table", name="Audit")
    expect(table).to_contain_text("login.failed")
    expect(table.get_by_role("row").filter(has_text="session.created")).to_have_count(0)
    table.get_by_role("button", name="Look at login.failed").first.click()
    expect(desk.page.get_by_role("dialog")).to_contain_text('"action": "login.failed"')
    desk.page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    with desk.page.expect_download() as kept:
        desk.page.get_by_role("button", name="Export NDJSON").click()
    records = [json.loads(line) for line in saved(kept.value).splitlines()]
    assert {record["action"] for record in records} == {"login.failed"}
    desk.page.get_by_role("button", name="Verify the chain").click()
    expect(desk.page.get_by_text("nothing was changed or removed")).to_be_visible()


def test_a_record_that_was_changed_taken_out_or_moved_breaks_the_chain(desk: Visitor, boss: Person) -> None:
    boss.wait_for(lambda: boss.get("/v1/audit/anchors"), lambda page: page["head"]["position"] >= 4, within_seconds=60)
    lines = boss.http.get("/v1/audit/export").text.splitlines()
    begins = boss.get("/v1/audit/anchors")["begins_after"]
    last = json.loads(lines[-1])

    def found(told: list[str], *anchors: dict[str, Any]) -> set[str]:
        verdict = desk.page.evaluate(
            f"([lines, begins, anchors]) => ({MODULE})('house/chain.js').then(chain => chain.verify(lines, begins, anchors))",
            [told, begins, anchors],
        )
        return {wrong["kind"] for wrong in verdict["wrong"]}

    anchor = {"position": last["position"], "hash": last["hash"]}
    assert found(lines, anchor) == set()
    assert found([line.replace('"success"', '"denied"', 1) if place == 1 else line for place, line in enumerate(lines)]) == {
        "changed"
    }
    assert "missing" in found([*lines[:1], *lines[2:]])
    assert "missing" in found([lines[1], lines[0], *lines[2:]])
    assert found(lines[:-1], anchor) == {"missing"}
    assert found(lines, anchor | {"hash": "0" * 64}) == {"rewritten"}


def test_upkeep_is_done_at_once_and_its_result_is_listed(desk: Visitor) -> None:
    at(desk, "/jobs")
    with answered(desk.page, "/v1/admin/files/jobs/recount/run"):
        desk.page.get_by_role("button", name="Recount drives").click()
    expect(desk.page.get_by_role("table", name="Jobs")).to_contain_text("Recount drives")
    desk.page.get_by_role("button", name="Compare now").click()
    expect(desk.page.get_by_role("table", name="Bucket and store compared").get_by_role("row").nth(1)).to_contain_text(
        "Finished"
    )


def test_limits_say_what_is_allowed_and_that_nobody_is_held_back(desk: Visitor) -> None:
    at(desk, "/limits")
    expect(desk.page.get_by_role("table", name="Policies")).to_contain_text("requests in 1 minute")


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(WIDE, "light"), (PHONE, "dark"), ({"width": 320, "height": 640}, "light")],
    ids=["wide", "phone", "narrow"],
)
def test_no_page_has_a_violation(opens: Any, boss: Person, ana: Person, size: dict[str, int], scheme: str) -> None:
    upload_id = refused_upload(ana)
    visitor = opens(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    visitor.signs_in(boss, "/app/operate")
    for path in [*PAGES, f"/uploads/{upload_id}", f"/people/{ana.id}", "/audit?action=login.failed"]:
        at(visitor, path)
        expect(visitor.page.locator(LOADED.get(path, ".operate .sheet")).first).to_be_visible()
        assert violations(visitor) == [], path
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
    at(visitor, f"/people/{ana.id}")
    visitor.page.get_by_role("button", name="Suspend", exact=True).click()
    assert violations(visitor) == [], "a question"
