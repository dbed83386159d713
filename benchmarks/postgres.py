"""Streams on PostgreSQL: by one process, and by two (one serves, one executes) with Redis between them."""

from benchmarks.load import LOAD_CORES, Load, Row, measure, model_server
from benchmarks.options import Options
from benchmarks.report import Figure, Section
from benchmarks.server import Topology, serving
from benchmarks.streams import COST, warm
from tests.engines import Postgres, Redis


def run(options: Options) -> list[Section]:
    counts = options.streams or ((20,) if options.short else (50, 100))
    with Postgres(fsync="on", full_page_writes="on") as database, Redis() as redis, model_server(cores=LOAD_CORES) as model:
        assert database.process is not None
        assert redis.process is not None
        postgres, ring = {"Postgres": [database.process.pid]}, {"Redis": [redis.process.pid]}
        one = Topology("one process", database=database.fresh(), beside=postgres)
        two = Topology("two processes", database=database.fresh(), redis=redis.url, workers=1, beside=postgres | ring)
        rows: dict[str, list[Row]] = {}
        for topology in (one, two):
            with serving(topology, model_server=model.url) as server:
                sessions = warm(server, model, most=max(counts))
                for count in counts:
                    found = measure(server, Load(count, window=options.window(count)), model=model, sessions=sessions)
                    rows.setdefault(topology.name, []).append(found)
                    options.progress(f"{topology.name}: {count} streams: {found[COST]:.1f} ms, p99 {found['any p99']} ms")
    return [
        Section("Streams on PostgreSQL, one process", SAID, rows[one.name]),
        Section("Streams on PostgreSQL, two processes and Redis", "", rows[two.name], figures(rows[one.name], rows[two.name])),
    ]


def figures(one: list[Row], two: list[Row]) -> list[Figure]:
    found = []
    for alone, apart in zip(one, two, strict=True):
        name = f"times the CPU of one process at {alone['streams']} streams"
        found.append(Figure(name, apart[COST] / alone[COST], "", 1.1 if alone["streams"] == 100 else None))
        if alone["streams"] == 100:
            found.append(Figure("CPU for 1,000 tokens at 100 streams, one process", alone[COST], "ms"))
            found.append(Figure("any token at 100 streams, two processes, p99", apart["any p99"], "ms"))
    wrong = sum(int(str(row["wrong"]).split()[0]) for row in [*one, *two])
    return [*found, Figure("replies with a token missing, doubled or out of order", wrong, "", 0)]


SAID = """Postgres keeps what a commit promises (fsync on). Its CPU, and Redis's, stand beside Parley's, per 1,000 tokens too.
Nothing is pinned: the server's processes, the engines and the load generator share the two cores."""
