"""When what of a reply came, as the numbers of a small picture: from the moment of the question to the end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chat.models import Response
from chat.store import log

WIDTH: Final = 1000.0
GAP: Final = 1.0  # seconds without anything new that count as one
MOST: Final = 400  # strokes


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the picture. `kind`: queued, waiting, writing or gap."""

    kind: str
    x: float
    width: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Timeline:
    spans: list[Span]
    strokes: list[float]
    seconds: float
    gaps: list[Span]


def of(response: Response) -> Timeline | None:
    """None before it has ended. Of a reply that is not in the log only its beginning, its first words and its end are known."""
    if response.ended is None:
        return None
    whole = max((response.ended - response.created).total_seconds(), 0.001)
    scale = WIDTH / whole

    def at(moment: datetime) -> float:
        return min(max((moment - response.created).total_seconds(), 0.0), whole)

    def span(kind: str, start: float, end: float) -> Span:
        return Span(kind, round(start * scale, 1), round(max(end - start, 0.0) * scale, 1), round(end - start, 2))

    started = at(response.started or response.ended)
    first = at(response.first_token or response.ended)
    spans = [span("queued", 0, started), span("waiting", started, first), span("writing", first, whole)]
    begun, offsets = log.flushes(response.pk) if response.store else (None, [])
    moments = [min(at(begun) + offset, whole) for offset in offsets] if begun else []
    pairs = zip(moments, [*moments[1:], whole], strict=False)
    gaps = [span("gap", start, end) for start, end in pairs if end - start > GAP]
    strokes = moments[:: len(moments) // MOST + 1]
    return Timeline([one for one in spans if one.width], [round(one * scale, 1) for one in strokes], round(whole, 2), gaps[:MOST])
