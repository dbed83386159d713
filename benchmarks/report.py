"""What was measured, and whether it is within what was promised."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks import machine


@dataclass(frozen=True)
class Figure:
    """One number and its bound: the most it may be. None: it is only told."""

    what: str
    value: float
    unit: str = ""
    most: float | None = None

    @property
    def missed(self) -> bool:
        return self.most is not None and not self.value <= self.most

    @property
    def verdict(self) -> str:
        return "" if self.most is None else "FAIL" if self.missed else "PASS"

    def cells(self) -> list[str]:
        bound = "" if self.most is None else f"≤ {number(self.most)} {self.unit}".strip()
        return [self.what, f"{number(self.value)} {self.unit}".strip(), bound, self.verdict]


@dataclass
class Section:
    """The outcome of one benchmark. `rows` are its table, each with the same keys."""

    title: str
    said: str = ""
    rows: list[dict[str, object]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


def number(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned, so that it also reads well in a terminal."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    return "\n".join([padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]])


def markdown(section: Section) -> str:
    parts = [f"## {section.title}", section.said]
    if section.rows:
        parts.append(table(list(section.rows[0]), [[number(value) for value in row.values()] for row in section.rows]))
    if section.figures:
        parts.append(table(["what", "measured", "bound", ""], [figure.cells() for figure in section.figures]))
    return "\n\n".join(part for part in parts if part)


def page(sections: Iterable[Section], *, facts: list[tuple[str, str]], seconds: float) -> str:
    """All of it, as benchmarks/results.md keeps it."""
    head = "# Results of `make bench`"
    said = "Written by `python -m benchmarks --write`; what each number means stands in docs/performance.md."
    facts = [*facts, ("Load after", f"{machine.load()}; it all took {seconds / 60:.0f} minutes")]
    return "\n\n".join([head, said, table(["", ""], [[name, value] for name, value in facts]), *map(markdown, sections)]) + "\n"


def with_promises(document: str, sections: Iterable[Section], *, facts: list[tuple[str, str]]) -> str:
    """The document with the figures that have a bound between its two marks, and when and where they were measured."""
    before, begin, rest = document.partition("<!-- promises -->\n")
    _, end, after = rest.partition("<!-- end of promises -->\n")
    if not begin or not end:
        raise ValueError("docs/performance.md has lost its marks")
    rows = [figure.cells() for section in sections for figure in section.figures if figure.most is not None]
    measured = "; ".join(value for name, value in facts if name in ("Date", "Machine"))
    return f"{before}{begin}{table(['what', 'measured', 'bound', ''], rows)}\n\nMeasured {measured}.\n{end}{after}"
