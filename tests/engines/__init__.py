"""Real engines for tests and benchmarks: PostgreSQL, Redis, nginx. Each on loopback, in a folder of its own, gone afterwards.

    with Postgres() as engine: engine.url("parley"), engine.fresh(), engine.restart(mode="immediate")
    with Redis() as engine: engine.url, engine.stop(), engine.start(), engine.flush(), engine.pause(), engine.resume()
    python -m tests.engines postgres redis -- command …     runs it with DATABASE_URL and REDIS_URL

`Postgres` and `Redis` are processes of one's own, made from the installed binaries, to be broken at will. `postgres()` and
`redis()` are for tests that only talk: they take what TEST_DATABASE_URL and TEST_REDIS_URL name, where somebody set them.
What is not installed is an error that says what to install, never a skipped test.
"""

import os

from tests.engines.binaries import Missing, nginx
from tests.engines.postgres import GivenPostgres, Postgres
from tests.engines.process import free_port
from tests.engines.redis import GivenRedis, Redis

__all__ = ["GivenPostgres", "GivenRedis", "Missing", "Postgres", "Redis", "free_port", "nginx", "postgres", "redis"]


def postgres() -> Postgres | GivenPostgres:
    """The server that TEST_DATABASE_URL names (its user must be allowed to make databases), else one of our own."""
    given = os.environ.get("TEST_DATABASE_URL", "")
    return GivenPostgres(given) if given else Postgres()


def redis() -> Redis | GivenRedis:
    """The server that TEST_REDIS_URL names, else one of our own."""
    given = os.environ.get("TEST_REDIS_URL", "")
    return GivenRedis(given) if given else Redis()
