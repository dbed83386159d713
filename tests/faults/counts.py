"""How often and how long: short in every run of the tests, full in `make soak` (SOAK=1, for SOAK_SECONDS)."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    reloads: int = 8
    cut_clients: int = 20
    cut_seconds: float = 6.0
    cut_every: float = 2.0
    cut_length: float = 0.5
    kills: int = 3  # of the one process on SQLite, which is started again
    takeovers: int = 3  # of one process among several, which go on without it
    restarted_streams: int = 40
    restart_words: int = 200
    stop_races: int = 50
    double_sends: int = 5
    parallel_writes: int = 50
    away_seconds: float = 2.0  # an engine
    locked_seconds: float = 4.0  # a table
    slow_seconds: float = 3.0  # a request
    deaf: int = 50  # sockets that stop reading
    shout_seconds: float = 1.0
    idle: int = 100  # sockets


SOAK = os.environ.get("SOAK") == "1"
SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))  # what the whole of `make soak` may take is about this

FULL = Counts(
    reloads=40,
    cut_clients=50,
    cut_seconds=min(600.0, SOAK_SECONDS / 6),
    cut_every=5.0,
    cut_length=2.0,
    kills=50,
    takeovers=20,
    restarted_streams=100,
    restart_words=300,
    stop_races=500,
    double_sends=50,
    parallel_writes=50,
    away_seconds=30.0,
    locked_seconds=10.0,
    slow_seconds=5.0,
    deaf=200,
    shout_seconds=20.0,
    idle=2000,
)
COUNTS = FULL if SOAK else Counts()
