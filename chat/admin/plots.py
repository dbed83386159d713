"""The overview's pictures: bars for days, or for weeks where days are many. The geometry; templates/panel/plot.html draws it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from chat.admin.figures import cost, money, seconds
from chat.store.overview import Sums

MOST_BARS: Final = 90
STEP, WIDTH, HEIGHT = 10, 8, 100  # of the drawing: from bar to bar, of a bar, of all


class Bar(NamedTuple):
    """The path of its place, from top to ground, and what is said of it. Heights are told for tests."""

    place: str
    said: str
    height: float
    part_height: float


@dataclass(frozen=True, slots=True)
class Plot:
    """`drawn`: all bars, each a `span`, in one path; `parts`: what is drawn over them in another colour."""

    name: str
    span: str
    most: str
    legend: str
    part_legend: str
    style: str
    width: int
    drawn: str
    parts: str
    bars: list[Bar]


class _Kind(NamedTuple):
    """A picture of `whole`, with `part` of it; `says` writes a bar's numbers, `top` that of the highest."""

    name: str
    whole: Callable[[Sums], float]
    part: Callable[[Sums], float]
    says: Callable[[Sums], str]
    top: Callable[[float], str]
    legend: str = ""
    part_legend: str = ""
    style: str = ""


def _counted(number: float) -> str:
    return f"{number:,.0f}"


def _paid(number: float) -> str:
    return money(Decimal(str(number)))


KINDS: Final = (
    _Kind(
        "Replies",
        lambda sums: sums.replies,
        lambda sums: sums.errors,
        lambda sums: f"{sums.replies:,} replies, {sums.errors:,} failed or incomplete",
        _counted,
        "Replies",
        "Failed or incomplete",
        "plot-bad",
    ),
    _Kind(
        "Tokens",
        lambda sums: sums.tokens,
        lambda sums: sums.output,
        lambda sums: f"{sums.input:,} tokens read, {sums.output:,} written",
        _counted,
        "Read",
        "Written",
    ),
    _Kind("Cost", lambda sums: float(sums.cost or 0), lambda sums: 0, lambda sums: f"cost {cost(sums)}", _paid),
    _Kind(
        "First words",
        lambda sums: sums.wait(95) or 0,
        lambda sums: sums.wait(50) or 0,
        lambda sums: f"first words: p50 {seconds(sums.wait(50))}, p95 {seconds(sums.wait(95))}",
        seconds,
        "p95",
        "p50",
    ),
    _Kind(
        "Storage",
        lambda sums: sums.replies,
        lambda sums: sums.unstored,
        lambda sums: f"{sums.stored:,} stored, {sums.unstored:,} not stored",
        _counted,
        "Stored",
        "Not stored",
    ),
)


def plots(days: Sequence[tuple[date, Sums]]) -> list[Plot]:
    bars = _weeks(days) if len(days) > MOST_BARS else [(_said(day), sums) for day, sums in days]
    return [_plot(kind, bars, "week" if len(days) > MOST_BARS else "day") for kind in KINDS]


def _weeks(days: Sequence[tuple[date, Sums]]) -> list[tuple[str, Sums]]:
    """Sevens, the last of which ends today; the first may be shorter."""
    first, found = len(days) % 7, []
    for at in [*([0] if first else []), *range(first, len(days), 7)]:
        some, sums = days[at : first if at < first else at + 7], Sums()
        for _, more in some:
            sums.add(more)
        found.append((f"{_said(some[0][0])} to {_said(some[-1][0])}", sums))
    return found


def _said(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _plot(kind: _Kind, bars: Sequence[tuple[str, Sums]], span: str) -> Plot:
    most = max((kind.whole(sums) for _, sums in bars), default=0)
    heights = [(_height(kind.whole(sums), most), _height(kind.part(sums), most)) for _, sums in bars]
    drawn, parts = (
        "".join(_path(number, WIDTH, height) for number, height in enumerate(some) if height)
        for some in zip(*heights, strict=True)
    )
    told = [
        Bar(_path(number, STEP, HEIGHT), f"{when}: {kind.says(sums)}", *heights[number])
        for number, (when, sums) in enumerate(bars)
    ]
    return Plot(kind.name, span, kind.top(most), kind.legend, kind.part_legend, kind.style, STEP * len(bars), drawn, parts, told)


def _height(number: float, most: float) -> float:
    return round(HEIGHT * number / most, 2) if most else 0.0


def _path(number: int, width: int, height: float) -> str:
    """From the ground up."""
    return f"M{STEP * number} {HEIGHT}v-{height:g}h{width}V{HEIGHT}z"
