"""What a reader's own machine does: the main thread's time of a long reply, and how fast a saved conversation is there."""

import json
import time
from statistics import median
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, CDPSession, Page, sync_playwright

from benchmarks.load import Model, model_server
from benchmarks.options import Options
from benchmarks.report import Figure, Section
from benchmarks.server import Server, Topology, serving
from benchmarks.text import MARK
from tests.browser.conftest import FLAGS
from tests.browser.talk import ended, send

TOKENS, RATE = 2000, 100.0
OPENINGS = 9

# When something in the conversation changed last, as the frame after it tells: milliseconds since 1970.
WATCH = """() => {
  let asked = false;
  const drawn = () => { asked = false; window.lastDrawn = performance.timeOrigin + performance.now(); };
  const changed = () => { asked ||= requestAnimationFrame(drawn); };
  const everything = { subtree: true, childList: true, characterData: true, attributes: true };
  new MutationObserver(changed).observe(document.getElementById("items"), everything);
}"""

CHROMIUM = "/usr/bin/chromium"  # with its window: what people have

# When the last message of a page was in sight, as the frame after it tells: milliseconds since the navigation began.
SIGHT = """(() => {
  const look = () => {
    const last = [...document.querySelectorAll('article[data-role="assistant"]')].at(-1);
    const box = last?.textContent.includes("LAST") ? last.getBoundingClientRect() : null;
    if (!box || box.bottom <= 0 || box.top >= innerHeight) return requestAnimationFrame(look);
    return requestAnimationFrame(() => { window.inSight = performance.now(); });
  };
  requestAnimationFrame(look);
})();"""

# Until it is. (`wait_for_function` asks again with an eval that the page's own policy forbids.)
SEEN = """() => new Promise(seen => {
  const look = () => window.inSight ? seen() : requestAnimationFrame(look);
  look();
})"""


def run(options: Options) -> list[Section]:
    with model_server() as model, serving(Topology("SQLite"), model_server=model.url) as server, sync_playwright() as playwright:
        ((name, session),) = json.loads(server.run("-m", "tests.browser.crowd", "1"))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        contexts = [signed_in(browser.new_context(viewport={"width": 1440, "height": 900}), server, session) for _ in range(3)]
        streamed = long_reply(contexts[0].new_page(), server, model, tokens=200 if options.short else TOKENS)
        options.progress("browser: the reply has been read")
        opened = [
            figure
            for context, messages in zip(contexts[1:], (500, 10_000), strict=True)
            for figure in openings(context, server, name, messages=messages)
        ]
        browser.close()
    return [Section("In the browser", SAID, [], [*streamed, *opened])]


def signed_in(context: BrowserContext, server: Server, session: str) -> BrowserContext:
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    return context


def long_reply(page: Page, server: Server, model: Model, *, tokens: int) -> list[Figure]:
    """A reply in Markdown, read in a page that is open already, from the sending of the message to a second after its end."""
    page.goto(server.url)
    send(page, ask(model, tokens=5))
    ended(page)
    page.evaluate(WATCH)
    slot = model.slot
    tool = page.context.new_cdp_session(page)
    tool.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = metrics(tool)
    send(page, ask(model, tokens=tokens))
    page.wait_for_timeout((tokens / RATE + 2) * 1000)  # asking the page whether it is over would be work of its main thread
    after = metrics(tool)
    whole = ended(page, number=2)
    wall = time.time() - time.monotonic()
    late = page.evaluate("lastDrawn") / 1000 - (model.times.of(slot, tokens - 1) + wall)
    marks = [int(number) for number in MARK.findall(whole.inner_text().encode())]
    took = {name: after[name] - before[name] for name in after}
    return [
        Figure(f"main thread for a reply of {tokens:,} tokens at {RATE:.0f}/s", took["TaskDuration"], "s", 2.0),
        Figure("of that, script", took["ScriptDuration"], "s"),
        Figure("of that, style and layout", took["LayoutDuration"] + took["RecalcStyleDuration"], "s"),
        Figure("last change on screen after the model's last token", late, "s", 0.2),
        Figure("tokens missing, doubled or out of order on the screen", float(marks != list(range(tokens))), "", 0),
    ]


def ask(model: Model, *, tokens: int) -> str:
    slot, model.slot = model.slot, model.slot + 1
    return f"[[slot={slot} tokens={tokens} rate={RATE} delay=0.4]]"


def metrics(tool: CDPSession) -> dict[str, float]:
    """Seconds that the main thread has spent so far, by kind."""
    found = tool.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: float(metric["value"]) for metric in found}


def openings(context: BrowserContext, server: Server, name: str, *, messages: int) -> list[Figure]:
    """A saved conversation, opened again and again: from the navigation's start until its last message is in sight."""
    address = server.url + urlsplit(server.run("-m", "tests.browser.long", name, str(messages // 2))).path
    context.add_init_script(SIGHT.replace("LAST", f"Answer {messages // 2}."))
    page = context.new_page()
    (first, _), *taken = [opening(page, address) for _ in range(OPENINGS + 1)]
    page.close()
    sights = [sight for sight, _ in taken]
    return [
        Figure(f"a conversation of {messages:,} messages opened, the middle one of {OPENINGS}", median(sights), "ms", 300),
        Figure("of that, until the server's answer was there", median(answer for _, answer in taken), "ms"),
        Figure(f"the slowest of {OPENINGS}", max(sights), "ms"),
        Figure("the first, in a browser that has never been here", first, "ms"),
    ]


def opening(page: Page, address: str) -> tuple[float, float]:
    """Milliseconds until the last message was in sight, and until the page had come."""
    page.goto("about:blank")
    page.goto(address)
    page.evaluate(SEEN)
    answer = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
    return float(page.evaluate("inSight")), float(answer)


SAID = """Chromium without a GPU, on the same two cores as the server. The main thread's time is its CPU time by `TaskDuration` of
the DevTools protocol, from the sending of the message to a second after the reply's end."""
