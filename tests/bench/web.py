"""The web app in a browser beside the stack: how soon it can be used, and whether it ever stands still."""

import statistics
import time
from typing import Any

from playwright.sync_api import Browser, Page

from bench.measures import Row
from factories.browsers import WITH_WINDOWS, Visitor, chromium
from factories.many import folder_of
from factories.people import Person
from factories.stacks import LocalStack

VISITS = 7
CHANGES = 100
MANY = 100_000
READ_ALL_MS = 300_000
SCROLLED_SECONDS = 10

WATCH = """
window.stood = []
new PerformanceObserver(seen => window.stood.push(...seen.getEntries().map(one => one.duration))).observe({type: 'longtask'})
const look = new MutationObserver(() => {
    const there = document.querySelector('.item .name, input[name=username]')
    if (!there || window.usable) return
    window.usable = performance.now()
    look.disconnect()
})
look.observe(document, {childList: true, subtree: true})
"""
"""From the beginning of the page: what takes over 50 ms, and when there is something to use."""

AWAIT = """name => {
    window.appeared = new Promise(done => {
        const look = new MutationObserver(() => {
            if (![...document.querySelectorAll('.item .name')].some(one => one.textContent === name)) return
            look.disconnect()
            requestAnimationFrame(() => done(Date.now()))
        })
        look.observe(document, {childList: true, subtree: true, characterData: true})
    })
}"""
"""Watch for a name; without waiting for it."""
APPEARED = (
    "Promise.race([window.appeared, new Promise((_, late) => setTimeout(() => late(new Error('it does not appear')), 20_000))])"
)

SCROLL = """seconds => new Promise(done => {
    const grid = document.getElementById('grid')
    const end = grid.scrollHeight
    const step = end / (seconds * 60)
    window.stood = []
    const frames = []
    let before = performance.now()
    let top = 0
    // Nothing is read of the page on the way: that would make it lay itself out once more.
    const on = now => {
        frames.push(now - before)
        before = now
        top += step
        grid.scrollTop = top
        if (top < end) requestAnimationFrame(on)
        else setTimeout(() => done({stood: window.stood, frames: frames.slice(1)}), 200)
    }
    requestAnimationFrame(on)
})"""


def web_app(stack: LocalStack) -> list[Row]:
    """All of it."""
    with chromium(WITH_WINDOWS) as browser:
        return [first_visit(stack, browser), drive_opened(stack, browser), seen_live(stack, browser), *scrolled(stack, browser)]


def first_visit(stack: LocalStack, browser: Browser) -> Row:
    """The entrance, by a browser that was never here."""
    took = []
    for _ in range(VISITS):
        with browser.new_context(locale="en-US") as context:
            page = context.new_page()
            page.add_init_script(WATCH)
            took.append(_usable(page, f"{stack.url}/app/files"))
    return _opened("first visit to the entrance, until its field can be filled in", took, _bare(stack, browser))


def drive_opened(stack: LocalStack, browser: Browser) -> Row:
    """A drive of a hundred items, by somebody who is signed in and whose browser has kept no file of the app."""
    ana = Person.at(stack.url)
    for number in range(100):
        ana.folder(f"item {number:03}")
    with browser.new_context(locale="en-US", service_workers="block") as context:
        visitor = Visitor(context.new_page(), stack.url)
        visitor.page.add_init_script(WATCH)
        visitor.signs_in(ana)
        session = context.new_cdp_session(visitor.page)
        took = []
        for _ in range(VISITS):
            session.send("Network.clearBrowserCache")
            took.append(_usable(visitor.page, f"{stack.url}/app/files"))
    return _opened(
        "a drive of 100 items opened, nothing of the app kept, until the items are there", took, _bare(stack, browser)
    )


def seen_live(stack: LocalStack, browser: Browser) -> Row:
    """From the answer to a client that makes a folder until its name stands on the page of a browser that shows the drive."""
    ana = Person.at(stack.url)
    ana.folder("here before")
    took, asked = [], []
    with browser.new_context(locale="en-US", service_workers="block") as context:
        visitor = Visitor(context.new_page(), stack.url)
        visitor.signs_in(ana)
        visitor.item("here before").wait_for()
        for number in range(CHANGES):
            visitor.page.evaluate(AWAIT, f"made elsewhere {number}")
            made = ana.folder(f"made elsewhere {number}")
            answered = time.time()
            # Both clocks are the machine's.
            took.append(visitor.page.evaluate(APPEARED) - answered * 1000)
            began = time.perf_counter()
            ana.get("/v1/me")
            asked.append((time.perf_counter() - began) * 1000)
            # What would stand below the edge of the screen is not in the page.
            assert ana.http.delete(f"/v1/items/{made['id']}").status_code == 204
    cuts, reference = statistics.quantiles(took, n=100), statistics.median(asked)
    what = f"folder made by another client, answered, to its name on the page, p50 / p99 of {CHANGES}"
    return Row(
        what,
        f"{cuts[49]:.0f} / {cuts[98]:.0f} ms",
        f"{reference:.1f} ms: one request and its answer",
        f"{cuts[49] / reference:.1f}",
    )


def scrolled(stack: LocalStack, browser: Browser) -> list[Row]:
    """A folder of very many, read to its end and then scrolled through from top to bottom."""
    ana = Person.at(stack.url)
    folder = folder_of(stack, ana, "Crowd", MANY)
    with browser.new_context(locale="en-US", viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.add_init_script(WATCH)
        visitor = Visitor(page, stack.url)
        visitor.signs_in(ana, f"/app/files/{folder}")
        visitor.item("Thing 000001").wait_for()
        page.evaluate("window.stood = []; document.getElementById('grid').scrollTop = 1e9")
        visitor.item(f"Thing {MANY:06}").wait_for(timeout=READ_ALL_MS)
        read: list[float] = page.evaluate("window.stood")
        page.evaluate("document.getElementById('grid').scrollTop = 0")
        visitor.item("Thing 000001").wait_for()
        spent = _Spent(page)
        told = page.evaluate(SCROLL, SCROLLED_SECONDS)
        each = spent.milliseconds() / len(told["frames"])
    frames = sorted(told["frames"])
    p50, p99 = statistics.median(frames), frames[len(frames) * 99 // 100]
    return [
        Row(f"long tasks (over 50 ms) while {MANY:,} rows are read", _long(read), "0 is the aim", ""),
        Row(
            f"long tasks (over 50 ms) while {MANY:,} rows are scrolled through in {SCROLLED_SECONDS} s",
            f"{_long(told['stood'])}; a frame takes {p50:.0f} / {p99:.0f} ms, {each:.1f} ms of it processor time",
            "17 ms: a screen of 60 Hz",
            f"{p50 / (1000 / 60):.1f}",
        ),
    ]


class _Spent:
    """Processor time of a page's own thread, which says what something costs on a busy machine, too."""

    def __init__(self, page: Page) -> None:
        """From now on."""
        self._session: Any = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._before = self._seconds()

    def milliseconds(self) -> float:
        """Since then."""
        return (self._seconds() - self._before) * 1000

    def _seconds(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def _usable(page: Page, address: str) -> tuple[float, float]:
    """Milliseconds until there is something to use, and how many of them the page's thread worked."""
    spent = _Spent(page)
    page.goto(address)
    page.wait_for_function("() => window.usable")
    return float(page.evaluate("window.usable")), spent.milliseconds()


def _bare(stack: LocalStack, browser: Browser) -> float:
    """The same browser shows a constant answer of the same server."""
    took = []
    for _ in range(VISITS):
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(f"{stack.url}/livez")
            took.append(float(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")))
    return statistics.median(took)


def _opened(what: str, took: list[tuple[float, float]], bare: float) -> Row:
    p50, most = statistics.median(wall for wall, _ in took), max(wall for wall, _ in took)
    worked = statistics.median(spent for _, spent in took)
    figure = f"{p50:.0f} ms ({most:.0f} ms), {worked:.0f} ms of it processor time of the page"
    reference = f"{bare:.0f} ms: a constant answer in the same browser"
    return Row(f"{what}, p50 of {VISITS} (max)", figure, reference, f"{p50 / bare:.1f}")


def _long(tasks: list[float]) -> str:
    return f"{len(tasks)}, {max(tasks):.0f} ms at most" if tasks else "none"
