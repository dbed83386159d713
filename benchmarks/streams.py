"""Streams: what one costs, how late its tokens are, how the cost grows with streams and readers, beside a bare relay."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import machine
from benchmarks.launch import Process
from benchmarks.load import LOAD_CORES, SERVER_CORES, Load, Model, Row, measure, model_server
from benchmarks.options import Options
from benchmarks.report import Figure, Section
from benchmarks.server import Server, Topology, free_port, serving

COST = "CPU ms per 1,000 tokens"
BESIDE = (1, 50, 100)  # streams at which the relay is measured too
PROMISED, ROUNDS = 100, 3  # streams that are measured several times, in turns with the relay; the middle ratio counts


class Relay:
    """The bare Channels relay, pinned as Parley is."""

    def __init__(self, *, model_server: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = Process("-m", "benchmarks.relay", str(port), model_server, cores=SERVER_CORES).ready()

    def cpu(self) -> dict[str, float]:
        return {"server": machine.cpu([self.process.pid])}

    def memory(self) -> int:
        return machine.memory([self.process.pid])


@contextmanager
def relaying(*, model_server: str) -> Iterator[Relay]:
    relay = Relay(model_server=model_server)
    try:
        yield relay
    finally:
        relay.process.stop()


def run(options: Options) -> list[Section]:
    counts = options.streams or ((1, 20, 100) if options.short else (1, 10, 20, 50, 100, 150, 200))
    pairs: list[tuple[Row, Row | None]] = []
    with (
        model_server(cores=LOAD_CORES) as model,
        serving(Topology("SQLite", cores=SERVER_CORES), model_server=model.url) as server,
        relaying(model_server=model.url) as relay,
    ):
        sessions = warm(server, model, most=max(counts))
        for count in counts:
            found = []
            for _ in range(ROUNDS if count == PROMISED and not options.short else 1):
                mine = one(server, Load(count, window=options.window(count)), model, sessions, options)
                theirs = None
                if count in BESIDE:  # at once: the machine is faster at one time than at another
                    theirs = one(relay, Load(count, window=options.window(count), kind="relay"), model, [], options)
                found.append((mine, theirs))
            pairs.append(middle(found))
        watched = [one(server, Load(1, readers, options.window(1)), model, sessions, options) for readers in (1, 10, 50)]
    ours, bare = [mine for mine, _ in pairs], [theirs for _, theirs in pairs if theirs is not None]
    return [
        Section("Streams on SQLite, one process on one core", SAID, ours, figures(ours, bare)),
        Section("The bare Channels relay, in the same run", BARE, bare, []),
        Section("One reply and many readers", READERS, watched, [flat_in_readers(watched)]),
    ]


def middle(found: list[tuple[Row, Row | None]]) -> tuple[Row, Row | None]:
    """Of several measurements the one with the middle ratio to the relay's; with the memory of the first, after which it also
    holds what finished replies have left in bounded caches.
    """
    mine, theirs = sorted(found, key=lambda pair: pair[0][COST] / (pair[1][COST] if pair[1] else 1.0))[len(found) // 2]
    return {**mine, "memory MB": found[0][0]["memory MB"]}, theirs


def warm(server: Server, model: Model, *, most: int) -> list[str]:
    """People to ask, and a first reply, so that templates are compiled and threads have started."""
    sessions = server.people(max(most, 8))
    measure(server, Load(8, window=1.0), model=model, sessions=sessions)
    return sessions


def one(target: Server | Relay, load: Load, model: Model, sessions: list[str], options: Options) -> Row:
    found = measure(target, load, model=model, sessions=sessions, cores=LOAD_CORES)
    options.progress(
        f"{load.kind}: {load.streams} streams, {load.readers} readers: {found[COST]:.1f} ms, p99 {found['any p99']} ms"
    )
    return found


def figures(ours: list[Row], bare: list[Row]) -> list[Figure]:
    at = {row["streams"]: row for row in ours}
    found: list[Figure] = []
    if 1 in at:
        found.append(Figure("CPU for 1,000 tokens at 1 stream", at[1][COST], "ms", 250))
    if 100 in at:
        found += at_a_hundred(at[100])
    for row in bare:
        if row["streams"] in (50, 100) and row["streams"] in at:
            ratio = at[row["streams"]][COST] / row[COST]
            bound = 1.5 if row["streams"] == 100 else None
            found.append(Figure(f"times the bare relay's CPU at {row['streams']} streams", ratio, "", bound))
    if 150 in at:
        found.append(Figure("end of the slowest reply at 150 streams, after the model's", at[150]["end max"], "ms", 500))
        found.append(Figure("tokens that did not come in time at 150 streams", 100 - at[150]["tokens/s"] / 75, "%", 1))
    if 10 in at and 100 in at:
        memory = (at[100]["memory MB"] - at[10]["memory MB"]) * 1000 / 90
        found.append(Figure("memory of a stream, by what 100 take more than 10", memory, "KB", 300))
    if 10 in at and 150 in at:
        dearest = max(row[COST] for count, row in at.items() if 10 < count <= 150)
        found.append(Figure("the dearest stream of 20 to 150, beside one of 10", dearest / at[10][COST], "", 1.1))
    wrong = sum(int(str(row["wrong"]).split()[0]) for row in ours)
    return [*found, Figure("replies with a token missing, doubled or out of order", wrong, "", 0)]


def at_a_hundred(row: Row) -> list[Figure]:
    return [
        Figure("CPU for 1,000 tokens at 100 streams (the aim is 80)", row[COST], "ms", 120),
        Figure("first token at 100 streams, p50", row["first p50"], "ms", 20),
        Figure("first token at 100 streams, p99", row["first p99"], "ms", 100),
        Figure("any token at 100 streams, p99", row["any p99"], "ms", 150),
    ]


def flat_in_readers(watched: list[Row]) -> Figure:
    """The cost of one reply's tokens, each of which reaches many readers, is per token and reader already."""
    ten, fifty = watched[1][COST], watched[2][COST]
    return Figure("a token for one reader of 50, beside one of 10", fifty / ten, "", 1.1)


SAID = """Each stream is a reply of 400 tokens at 50 a second, asked for by a message in a new conversation: the POST, the run,
the log, the Markdown, the doorbell, the socket's opening and the title's request are in the cost. Its first token comes 0.4 s
after the request. A new one begins every 8 s / streams. A hundred are measured three times, in turns with the relay; the time
with the middle ratio is told. Times are milliseconds between the send and the reader's socket;
the readers' and the model server's own lateness stand beside them. The server has one core, the load generator the other."""
BARE = """Channels and uvicorn as we run them, a message for each token; nothing is stored, rendered or looked up, and nobody
signs in."""
READERS = "Costs are per 1,000 tokens *read*: a token that reaches fifty sockets counts fifty times."
