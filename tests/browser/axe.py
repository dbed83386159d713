"""axe-core over a page in each of its looks: light and dark, on a phone and on a desk."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
# Colours that are on their way from one look to the other are in neither.
SETTLED = """() => Promise.allSettled(document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished))"""
axe = Axe()


def violations(page: Page) -> list[str]:
    """One line for each thing axe finds: look, rule, element, why."""
    found = []
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.evaluate(SETTLED)
            found += [f"{size} {scheme}: {line}" for line in lines(axe.run(page).response)]
    return found


def lines(response: dict) -> list[str]:  # type: ignore[type-arg]
    return [
        f"{violation['id']} {' '.join(map(str, node['target']))}: {reason(node)}"
        for violation in response["violations"]
        for node in violation["nodes"]
    ]


def reason(node: dict) -> str:  # type: ignore[type-arg]
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:200]
