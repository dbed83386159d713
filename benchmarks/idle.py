"""Thousands of sockets that wait for news on one process: what each takes, and what they cost while nothing happens."""

import json
import time
from itertools import islice

from benchmarks import machine
from benchmarks.launch import Process
from benchmarks.load import LOAD_CORES, SERVER_CORES, model_server
from benchmarks.options import Options
from benchmarks.report import Figure, Section
from benchmarks.server import Server, Topology, serving

PER_PERSON = 50  # SOCKETS_PER_USER
WARM = 100
SETTLE, WATCH = 5.0, 20.0  # seconds; the second holds one ping of every socket


def run(options: Options) -> list[Section]:
    count = 1000 if options.short else 5000
    with model_server() as model, serving(Topology("SQLite", cores=SERVER_CORES), model_server=model.url) as server:
        wanted = iter(places(server, count + WARM))
        alone = server.memory()
        warm, _ = opened(server, list(islice(wanted, WARM)))
        time.sleep(2)
        before = server.memory()
        crowd, answer = opened(server, list(wanted))
        options.progress(f"idle: {answer['open']} sockets are open after {answer['seconds']:.0f} s")
        time.sleep(SETTLE)
        taken = (server.memory() - before) / count
        cpu = watched(server)
        still = sum(left(process) for process in (warm, crowd))
    figures = [
        Figure("memory of an idle socket", taken / 1000, "KB", 30),
        Figure(f"sockets lost of {count + WARM:,}", float(count + WARM - still), "", 0),
        Figure(f"CPU of the server over {WATCH:.0f} s, with all of them open", cpu / WATCH * 100, "% of a core"),
        Figure("opening one socket, everything included", answer["seconds"] / count * 1000, "ms"),
        Figure("memory of a server with no socket", alone / 1e6, "MB"),
    ]
    return [Section(f"{count:,} idle sockets on one process", SAID, [], figures)]


def places(server: Server, count: int) -> list[tuple[str, str]]:
    """Each socket watches a conversation of its own."""
    people = -(-count // PER_PERSON)
    signed_in, conversations = map(
        json.loads, server.run("-m", "benchmarks.population", str(people), str(PER_PERSON)).splitlines()
    )
    pairs = [(session, path) for name, session in signed_in for path in conversations[name]]
    return pairs[:count]


def opened(server: Server, sockets: list[tuple[str, str]]) -> tuple[Process, dict[str, float]]:
    process = Process("-m", "benchmarks.waiting", cores=LOAD_CORES)
    process.tell(json.dumps({"url": server.url, "sockets": sockets}))
    answer: dict[str, float] = json.loads(process.ready().first)
    return process, answer


def watched(server: Server) -> float:
    """CPU seconds of the server over WATCH."""
    before = machine.cpu(server.pids)
    time.sleep(WATCH)
    return machine.cpu(server.pids) - before


def left(process: Process) -> int:
    """How many of its sockets are still open; it ends."""
    try:
        process.tell("")
        return int(json.loads(process.ready().first)["open"])
    finally:
        process.stop()


SAID = """Signed-in people (fifty sockets each, the most that one may have), each socket at a conversation of its own, all pinged
every 20 s and looked after every 0.8 s."""
