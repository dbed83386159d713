"""The benchmarks begin: what was renamed in the house is found before somebody wants a number."""

import importlib
import inspect
import subprocess
import sys

import pytest

from benchmarks import ROOT
from benchmarks.__main__ import SECTIONS
from benchmarks.options import Options


def asked(*arguments: str, within: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=within, check=False)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_is_there(name: str) -> None:
    run = importlib.import_module(f"benchmarks.{name}").run
    inspect.signature(run).bind(Options(short=True))


@pytest.mark.parametrize("name", ["markdown", "protocol"])
def test_a_section_that_needs_no_server_measures(name: str) -> None:
    done = asked("--short", name, within=60)
    assert done.returncode in (0, 1), done.stderr
    assert "bounds missed" in done.stdout


@pytest.mark.parametrize("arguments", [["nonsense"], ["--write", "streams"], ["--write", "--short"]])
def test_what_cannot_be_measured_is_a_sentence(arguments: list[str]) -> None:
    done = asked(*arguments, within=30)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.soak
def test_all_sections_measure() -> None:
    done = asked("--short", within=900)
    assert done.returncode in (0, 1), done.stderr
    assert "bounds missed" in done.stdout
