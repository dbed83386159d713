"""How often and how long: short in every run of the tests, full in `make soak` (SOAK=1)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    reloads: int = 8
    cut_clients: int = 20
    cut_seconds: float = 6.0
    cut_every: float = 2.0
    cut_length: float = 0.5
    kills: int = 3
    stop_races: int = 50
    double_sends: int = 5
    parallel_writes: int = 50


COUNTS = Counts()
