"""No text, whole or in part, makes an element, attribute or address that is not on the list."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.markdown import Stream, render
from chat.markdown.clean import ATTRIBUTES, CLASSES, TAGS
from tests.dom import Element, tree

OURS = {
    "a": {"class", "href", "target", "rel", "id", "aria-label", "hx-get", "hx-swap"},
    "blockquote": set(),
    "button": {"type", "class", "data-copy"},
    "code": {"class", "id"},
    "div": {"class", "id", "dir", "tabindex", "role", "aria-label"},
    "figcaption": set(),
    "figure": {"class"},
    "li": {"id"},
    "ol": {"id", "start"},
    "pre": {"tabindex", "role", "aria-label", "dir"},
    "span": {"class", "id", "role", "aria-label"},
    "sup": {"class"},
    "tbody": {"id"},
    "tr": {"id"},
    "ul": {"id"},
}
OUR_CLASSES = {
    "block",
    "code",
    "copy",
    "highlight",
    "language",
    "table",
    "maths",
    "task",
    "footnotes",
    "anchor",
    "back",
    "tail",
    "show-image",
}
CLASS = OUR_CLASSES.union(*CLASSES.values())
ID = re.compile(r"p(-\d+){1,2}(-(tail|code|list|rows))?|p-fn-\d+|p-fnref-\d+-\d+")

VECTORS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<div hx-get='/x' hx-trigger='load' data-x=1 id=items style='position:fixed'>",
    "<form action=/x><input name=a><button>b</button></form>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<link rel=stylesheet href=//evil.example>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<hx-partial hx-target='#items'>x</hx-partial>",
    "</div></div><h1>out",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](vbscript:x) [x](file:///etc/passwd) [x](blob:x) [x](ftp://a.b)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](//evil.example) [x](/settings/) [x](#items) [x](?a) [x](http:evil) [x](https:///e)",
    '![x](https://a.example/"onload=alert(1)) <span class="image there">x</span> ![<b>](<https://a.example/<b>>)',
    "![x](javascript:alert(1)) ![x](data:image/svg+xml,<svg onload=alert(1)>) ![x](//evil.example/x.png)",
    '![x](https://a.example/"onerror=alert(1))',
    '[x](https://a.example/"onmouseover=alert(1)//)',
    "[x](https://a.example 'title\" onmouseover=alert(1)')",
    "[a]: javascript:alert(1)\n\n[a] [x][a] ![x][a]",
    '<javascript:alert(1)> <https://a.example/"onx=1>',
    'https://a.example/"><img src=x onerror=alert(1)>',
    "```<img src=x onerror=alert(1)>\n<script>alert(1)</script>\n```",
    "```html\n<script>alert(1)</script><img src=x onerror=alert(1)>\n```",
    '```"onload=alert(1)\nx\n```',
    '```py" id="items\nx\n```',
    "~~~ html onload=alert(1)\n<img src=x onerror=alert(1)>\n~~~",
    "`<img src=x onerror=alert(1)>`",
    "    <script>alert(1)</script>",
    r"$\text{<img src=x onerror=alert(1)>}$ $\text{&lt;img src=x onerror=alert(1)&gt;}$",
    r"$\href{javascript:alert(1)}{x}$ $\class{copy}{x}$ $\style{position:fixed}{x}$ $\color{red}{x}$",
    r"$\text{</mtext></math><script>alert(1)</script>}$",
    r"$$\begin{matrix}</math><img src=x onerror=alert(1)>\end{matrix}$$",
    r"\[<img src=x onerror=alert(1)>\]",
    "$<script>$",
    "|<img src=x onerror=alert(1)>|\n|-|\n|<script>alert(1)</script>|",
    "|a|\n|:-:|\n|</td></table><script>alert(1)</script>|",
    "- [x] <img src=x onerror=alert(1)>\n- </li></ul><script>",
    "> </blockquote><script>alert(1)</script>",
    'x[^1] y[^<b>] z[^"]\n\n[^1]: <img src=x onerror=alert(1)>\n[^<b>]: b\n[^"]: c',
    '<sup class="fn">1-0</sup> &lt;sup class="fn"&gt;1-0&lt;/sup&gt;',
    '`<sup class="fn">1-0</sup>`[^1]\n\n[^1]: `<sup class="fn">9-9</sup>`',
    "# <a name=x id=y>\n\n# id {#items .copy onclick=x}",
    "\u2028<script>\u2029 \ufdd0 &#xfdd0; &#0; &#x3c;script&#x3e;",
    "&lt;img src=x onerror=alert(1)&gt;",
    "**<b>** *<i onclick=x>* ~~<s>~~",
]


def check(html: str) -> None:
    root = tree(html)
    for element in list(root.walk())[1:]:
        allowed = ATTRIBUTES.get(element.tag, frozenset()) | OURS.get(element.tag, set())
        assert element.tag in TAGS or element.tag in OURS, element.tag
        for name, value in element.attributes.items():
            assert name in allowed or (name == "class" and element.tag in CLASSES), (element.tag, name)
            check_value(element, name, value)


def check_value(element: Element, name: str, value: str) -> None:
    if name == "class":
        assert set(value.split()) <= CLASS, value
    elif name == "id":
        assert ID.fullmatch(value), value
    elif name == "href":
        assert re.match(r"https?://[^/]|mailto:.|#p-fn(ref)?-\d|images/p/[0-9a-f]{32}/$", value), value
        assert value[0] in "#i" or element.attributes["rel"] == "noopener noreferrer nofollow"
    elif name == "hx-get":
        assert element.attributes["class"] == "show-image"
        assert value == element.attributes["href"]
        assert element.attributes["hx-swap"] == "outerHTML"
    elif element.tag == "button":
        assert (name, value) in {("type", "button"), ("data-copy", "code")}


@pytest.mark.parametrize("text", VECTORS)
@pytest.mark.parametrize(
    "frame",
    [
        "{}",
        "a **b {}",
        "- {}",
        "> {}",
        "1. a\n\n   {}",
        "| a |\n|---|\n| {} |",
        "[{}](https://a.example)",
        "# {}",
        "x[^n]\n\n[^n]: {}",
    ],
)
def test_nothing_that_is_not_allowed_comes_through(text: str, frame: str) -> None:
    text = frame.format(text)
    check(render(text, prefix="p"))
    stream = Stream("p")
    for at in range(0, len(text), 5):
        for op in stream.feed(text[at : at + 5]):
            check(op.html)
    check(stream.html())
    for op in stream.finish():
        check(op.html)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*VECTORS, "\n", "\n\n", "**", "`", "```\n", "$", "|", "- ", "> ", "[", "](", ")", "<", "&"]), max_size=6
    )
)
def test_nor_does_any_mixture_of_them(pieces: list[str]) -> None:
    text = "".join(pieces)
    check(render(text, prefix="p"))
    stream = Stream("p")
    stream.feed(text)
    check(stream.html())


def test_what_was_written_as_html_is_shown_as_text() -> None:
    text = "Say <script>alert(1)</script> & <b>this</b>"
    assert tree(render(text, prefix="p")).text() == text


@pytest.mark.parametrize(
    "address", ["javascript:x", "data:text/html,x", "/settings/", "#items", "//a.example", "file:///etc/passwd", "http:x"]
)
def test_a_link_that_leads_nowhere_safe_is_its_words(address: str) -> None:
    root = tree(render(f"[words]({address})", prefix="p"))
    assert not root.find(tag="a")
    assert root.text() == "words"
