"""What a list of measured times comes to."""

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """`share` of the values (0…1) are at most this; 0.0 for none at all."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p99 and the most, in milliseconds, and how many there were."""
    ordered = sorted(seconds)
    found = {"p50": percentile(ordered, 0.5), "p99": percentile(ordered, 0.99), "max": ordered[-1] if ordered else 0.0}
    return {name: round(value * 1000, 2) for name, value in found.items()} | {"count": len(ordered)}
