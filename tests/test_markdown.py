"""What Markdown looks like once it is finished."""

import re

import pytest

from chat.markdown import images, plain, render
from tests.dom import Element, tree


def page(text: str) -> Element:
    return tree(render(text, prefix="m-0"))


def inside(text: str) -> str:
    """The HTML inside the only block."""
    (block,) = page(text).children
    assert isinstance(block, Element)
    return block.html()


def test_each_block_has_its_own_address() -> None:
    blocks = [b for b in page("# One\n\ntwo\n\n- three").children if isinstance(b, Element)]
    assert [b.attributes for b in blocks] == [{"class": "block", "id": f"m-0-{n}", "dir": "auto"} for n in range(3)]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**b** *i* ~~s~~ `c`", "<p><strong>b</strong> <em>i</em> <del>s</del> <code>c</code></p>"),
        ("a  \nb\nc", "<p>a<br>b\nc</p>"),
        ("### T", "<h2>T</h2>"),
        ("Title\n---", "<h2>Title</h2>"),
        ("> a\n>\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"),
        ("***", "<hr>"),
        ("snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"),
        ("<b>x</b> &amp; &copy;", "<p>&lt;b&gt;x&lt;/b&gt; &amp; ©</p>"),
    ],
)
def test_a_mark_becomes_its_element(text: str, html: str) -> None:
    assert inside(text) == html


def test_lists_keep_numbers_and_nesting() -> None:
    (lists,) = page("3. a\n   - b\n4. c").find(tag="ol")
    assert lists.attributes == {"start": "3", "id": "m-0-0-list"}
    assert lists.text() == "abc"
    assert [e.text() for e in lists.find(tag="ul")] == ["b"]


def test_tasks_are_labelled_spans_and_no_inputs() -> None:
    root = page("- [ ] open\n- [x] **over**\n- [y] neither")
    assert [e.attributes["aria-label"] for e in root.find(class_="task", role="img")] == ["not done", "done"]
    assert not root.find(tag="input")
    assert root.text() == "openover[y] neither"


def test_columns_are_aligned_by_class() -> None:
    root = page("| a | b | c | d |\n|:--|:-:|--:|---|\n| 1 | 2 | 3 | 4 |")
    assert [e.attributes.get("class") for e in root.find(tag="td")] == ["left", "center", "right", None]
    assert [e.attributes.get("class") for e in root.find(tag="th")] == ["left", "center", "right", None]
    assert not [e for e in root.walk() if "style" in e.attributes]


def test_wide_things_scroll_in_boxes_that_the_keyboard_reaches() -> None:
    root = page("|a|\n|-|\n|1|\n\n```py\nx\n```\n\n$$x$$")
    boxes = root.find(tabindex="0", role="group")
    assert [(e.tag, e.attributes["aria-label"]) for e in boxes] == [("div", "Table"), ("pre", "Code, py"), ("div", "Formula")]


def test_code_has_its_language_a_copy_button_and_colours() -> None:
    (figure,) = page("```python title=x\ndef f(): pass\n```").find(tag="figure", class_="code")
    (button,) = figure.find(tag="button")
    assert button.attributes == {"type": "button", "class": "copy", "data-copy": "code"}
    assert button.text() == "Copy"
    assert figure.find(class_="language")[0].text() == "python"
    (code,) = figure.find(tag="code", class_="highlight")
    assert code.text() == "def f(): pass\n"
    assert code.find(tag="span", class_="k")[0].text() == "def"


@pytest.mark.parametrize("info", ["nosuchlanguage", "", "<b>", "x" * 50, "\xa0", "{.python}extra"])
def test_an_unknown_language_stays_plain(info: str) -> None:
    (code,) = page(f"```{info}\ndef f(): pass\n```").find(tag="code")
    assert code.children == ["def f(): pass\n"]


def test_long_code_stays_plain_and_whole() -> None:
    source = "x = 1\n" * 20_000
    (code,) = page(f"```python\n{source}```").find(tag="code")
    assert code.children == [source]


@pytest.mark.parametrize("code", ["a " * 5_000, "x = 1;\n" + "\n" * 30 + "y", "x" * 400, "int a\n" * 300])
def test_code_that_would_cost_seconds_to_highlight_stays_plain(code: str) -> None:
    (element,) = page(f"```java\n{code}\n```").find(tag="code")
    assert element.children == [f"{code}\n"]


def test_formulas_are_mathml() -> None:
    root = page(r"Inline $a^2$ and \(b_1\)." + "\n\n$$\n\\frac{1}{2}\n$$\n\n\\[\nx\n\\]\n")
    assert [e.attributes["display"] for e in root.find(tag="math")] == ["inline", "inline", "block", "block"]
    assert [e.text() for e in root.find(tag="mfrac")] == ["12"]


@pytest.mark.parametrize("text", ["$5 and $10", "$ x $", "it costs 5$ or 6$", "a $x$5", r"\$x\$", "`$x$`"])
def test_money_is_no_formula(text: str) -> None:
    assert not page(text).find(tag="math")


@pytest.mark.parametrize(
    "source",
    [
        r"\frac{",
        r"\nosuch{x}",
        "{" * 300,
        "x" * 3_000,
        r"\newcommand{\a}{\a\a}\a",
        r"\href{javascript:alert(1)}{x}",
        r"\begin{matrix}",
        "^",
        "&",
    ],
)
def test_latex_that_cannot_be_read_is_shown_as_its_source(source: str) -> None:
    root = page(f"${source}$")
    assert root.text() == source or root.find(tag="math")
    assert not [e for e in root.walk() if "href" in e.attributes]


def test_links_open_elsewhere_and_tell_nothing() -> None:
    (link,) = page("[docs](https://example.com/a?b=1&c=2 'title')").find(tag="a")
    assert link.attributes == {"href": "https://example.com/a?b=1&c=2", "target": "_blank", "rel": "noopener noreferrer nofollow"}


def test_bare_urls_are_links_and_file_names_are_not() -> None:
    root = page("See https://a.example/x_y_z, README.md, www.b.example and me@c.example.")
    assert [e.text() for e in root.find(tag="a")] == ["https://a.example/x_y_z"]


def test_an_image_is_a_link_that_names_its_host_and_loads_after_a_click_alone() -> None:
    root = page("![A cat](https://img.example/cat.png) ![](https://b.example/x) ![r](/local.png)")
    links, marks = [e for e in root.find(tag="a") if "target" in e.attributes], root.find(tag="a", class_="show-image")
    assert [(e.attributes["href"], e.text()) for e in links] == [
        ("https://img.example/cat.png", "Image: A cat (img.example)"),
        ("https://b.example/x", "Image (b.example)"),
    ]
    assert [(e.attributes["aria-label"], e.text()) for e in marks] == [
        ("Show image from img.example", ""),
        ("Show image from b.example", ""),
    ]
    assert [e.attributes["hx-get"] for e in marks] == [
        f"images/m/{images.digest(address)}/" for address in ("https://img.example/cat.png", "https://b.example/x")
    ]
    assert "Image: r" in root.text()
    assert not root.find(tag="img")


@pytest.mark.parametrize(
    "frame", ["{}", "# {}", "- {}", "> {}", "| {} |\n|-|\n| {} |", "x[^1]\n\n[^1]: {}", "Ä word **{}** and {}"]
)
def test_every_image_that_is_offered_is_found_by_its_digest(frame: str) -> None:
    text = (
        frame.replace("{}", "![a&b](https://img.example/ä?x=1&y=<2>'3' \"title\") ![r][r]") + "\n\n[r]: <https://r.example/a b>"
    )
    offered = {e.attributes["href"] for e in page(text).find(tag="a", class_="show-image")}
    assert offered == {f"images/m/{images.digest(address)}/" for address in images.addresses(text)}
    assert len(offered) == 2


def test_an_image_in_a_link_does_not_name_a_host_that_the_link_does_not_lead_to() -> None:
    root = page("[![badge](https://a.example/b.svg)](https://c.example) [![x](javascript:x)](https://c.example)")
    assert [(e.attributes["href"], e.text()) for e in root.find(tag="a")] == [
        ("https://c.example", "Image: badge"),
        ("https://c.example", "Image: x"),
    ]


def test_footnotes_lead_there_and_back_by_ids_of_ours() -> None:
    root = page("One[^b] two[^a] again[^b] none[^c].\n\n[^a]: A\n[^b]: B\n[^unused]: U\n")
    (notes,) = root.find(tag="div", class_="footnotes")
    assert [e.text().replace("↩", "").strip() for e in notes.find(tag="li")] == ["B", "A"]
    ids = {e.attributes["id"] for e in root.walk() if "id" in e.attributes}
    targets = {e.attributes["href"][1:] for e in root.find(tag="a")}
    assert targets <= ids
    assert {"m-0-fn-1", "m-0-fn-2", "m-0-fnref-1-0", "m-0-fnref-1-1", "m-0-fnref-2-0"} == targets
    assert "[^c]" in root.text()


def test_two_texts_on_one_page_share_no_id() -> None:
    text = "a[^1]\n\n- b\n\n|c|\n|-|\n|d|\n\n[^1]: e"
    first, second = ({e.attributes.get("id") for e in tree(render(text, prefix=p)).walk()} - {None} for p in ("m-0", "m-1"))
    assert len(first) == len(second) > 5
    assert not first & second


def test_line_ends_of_every_kind_are_the_same() -> None:
    text = "a\n\n- b\n- c\n\n```\nd\n```\n"
    assert (
        render(text.replace("\n", "\r\n"), prefix="p") == render(text, prefix="p") == render(text.replace("\n", "\r"), prefix="p")
    )


def test_halves_of_characters_and_nul_do_no_harm() -> None:
    assert page("a\0b \ud83d\ude00 \ud83d c \udc00").text() == "a\ufffdb 😀 \ufffd c \ufffd"


def test_plain_text_has_the_words_alone() -> None:
    text = "# **Title**\n\nSome [link](https://x.example) and `code`[^1].\n\n- [x] item\n\n"
    text += "|a|b|\n|-|-|\n|1|2|\n\n```py\nx = 1\n```\n\n[^1]: note"
    assert plain(text) == "Title\nSome link and code.\nitem\na\nb\n1\n2\nx = 1\nnote"


def test_plain_text_of_nothing_is_nothing() -> None:
    assert plain("") == render("", prefix="p") == ""


def test_headings_step_down_one_level_at_a_time_below_the_pages_own() -> None:
    html = render("### A\n\n##### B\n\n###### C\n\n#### D\n\nE\n===\n\n- # F\n", prefix="p")
    assert re.findall(r"<(h\d)>", html) == ["h2", "h3", "h4", "h3", "h2", "h2"]
