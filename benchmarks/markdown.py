"""CPU of a reply of 100 KB that arrives in 5,000 deltas, each rendered by itself (in life they are gathered for 40 ms first).

`mixed` is what models write; the others are one endless block each, or made to be costly.
"""

import time

from benchmarks import ROOT
from benchmarks.options import Options
from benchmarks.report import Figure, Section
from chat.markdown import Stream, render

SIZE, DELTAS, LIMIT = 100_000, 5_000, 2.0  # characters, pieces, seconds of CPU

_ANSWER = ROOT / "tests" / "markdown" / "answer.md"
_WORDS = "The quick brown fox jumps over the lazy dog, and the **bold** one takes `a nap` under the old tree. "

SHAPES = {
    "mixed": _ANSWER.read_text() + "\n\n" + _WORDS * 6 + "\n\n### A heading\n\n" + _WORDS * 3 + "\n\n",
    "paragraphs": _WORDS * 10 + "\n\n",
    "one paragraph": _WORDS,
    "money": "It costs $5 and more words follow here, so that nothing is ever settled in this line. " * 8 + "\n\n",
    "one list": "- An item with **bold** words and `code` that goes on for a line\n",
    "nested list": "- An item with **bold** words\n  - nested one with `code`\n    1. deeper still\n",
    "one item": "  - A nested item with **bold** words and `code` that goes on for a line\n",
    "one table": "| A cell | **bold** | `code` | 12,345 |\n",
    "one quote": "> A line with *emphasis* and words that go on for a while here\n",
    "quotes": "> A line with *emphasis* and words that go on for a while here\n" * 12 + "\n",
    "code": "    total += row['price'] * count  # a comment\n",
    "blocks of code": "```python\ndef f(row, count):\n    return row['price'] * count  # a comment\n```\n\n",
    "maths": "The root is $x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$ as $a_%d$ shows.\n\n",
    "brackets": "[",
    "stars": "**a* ",
    "backticks": "`` a ` ",
    "lines": "One line after the other without a blank one between them\n",
}
_FIRST = {"one item": "- start\n", "one table": "| a | b | c | d |\n|---|---|---|--:|\n", "code": "```python\n"}


def text_of(shape: str) -> str:
    unit = SHAPES[shape]
    count = SIZE // len(unit) + 1
    body = "".join(unit % n for n in range(count)) if "%d" in unit else unit * count
    return (_FIRST.get(shape, "") + body)[:SIZE]


def measure(text: str) -> tuple[float, float, int]:
    """Seconds of CPU for the deltas, for the end, and characters of HTML sent."""
    step = len(text) // DELTAS
    stream = Stream("m-0")
    start = time.process_time()
    sent = sum(len(op.html) for at in range(0, len(text), step) for op in stream.feed(text[at : at + step]))
    fed = time.process_time()
    sent += sum(len(op.html) for op in stream.finish())
    return fed - start, time.process_time() - fed, sent


def run(options: Options) -> list[Section]:
    render("```python\nx\n```\n\n$x$ https://a.example", prefix="warm")
    rows, worst = list[dict[str, object]](), 0.0
    for shape in ("mixed",) if options.short else SHAPES:
        fed, finish, sent = measure(text_of(shape))
        worst = max(worst, fed + finish)
        times = {"deltas s": fed, "end s": finish, "total s": fed + finish, "µs a delta": fed / DELTAS * 1e6}
        rows.append({"text": shape, **times, "MB sent": sent / 1e6})
    options.progress("markdown: all shapes are done")
    return [Section("Markdown as it grows", SAID, rows, [Figure("CPU of the costliest text", worst, "s", LIMIT)])]


SAID = """CPU of a reply of 100 KB that arrives in 5,000 deltas, each rendered by itself (in life they are gathered first).
`mixed` is what models write; the others are one endless block each, or made to be costly."""
