"""The entries of a conversation as HTML that two pages can be compared by."""

from playwright.sync_api import Page

NORMAL = """() => {
  const copy = document.getElementById("items").cloneNode(true);
  for (const element of copy.querySelectorAll("*")) {
    for (const { name } of [...element.attributes]) if (/^(data-htmx|data-hx)/.test(name)) element.removeAttribute(name);
    if (element.getAttribute("class") === "") element.removeAttribute("class");
    if (element.matches("details")) element.removeAttribute("open");
  }
  return copy.innerHTML.replace(/\\s+/g, " ").replace(/> </g, "><");
}"""


def items_html(page: Page) -> str:
    """`#items` without what htmx keeps in it and without blanks between tags."""
    html: str = page.evaluate(NORMAL)
    return html
