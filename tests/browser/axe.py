"""axe-core over a page in each of its looks: light and dark, on a phone and on a desk."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
# Colours that are on their way from one look to the other are in neither.
SETTLED = """() => Promise.allSettled(
  document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished))"""
RUN = "async () => (await axe.run(document, { resultTypes: ['violations'] })).violations"


def violations(page: Page) -> list[str]:
    """One line for each thing axe finds: look, rule, element, why."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    found = []
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.evaluate(SETTLED)
            found += [f"{size} {scheme}: {line}" for line in lines(page.evaluate(RUN))]
    return found


def lines(broken: list[dict[str, Any]]) -> list[str]:
    return [f"{rule['id']} {' '.join(map(str, node['target']))}: {reason(node)}" for rule in broken for node in rule["nodes"]]


def reason(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:200]
