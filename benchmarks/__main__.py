"""`python -m benchmarks [SECTION …]`: measure what Parley promises; the exit code is 1 when a bound is missed.

Without sections: all of them, in at most fifteen minutes. `--write` keeps the results in benchmarks/results.md, those that have
a bound in docs/performance.md too.
"""

import argparse
import importlib
import resource
import signal
import sys
import time

from benchmarks import ROOT, machine
from benchmarks.options import Options
from benchmarks.report import Section, markdown, page, with_promises

SECTIONS = ("streams", "postgres", "idle", "browser", "markdown", "protocol", "uploads")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"some of: {', '.join(SECTIONS)}")
    parser.add_argument("--short", action="store_true", help="see that everything works; the numbers prove nothing")
    parser.add_argument("--streams", default="", metavar="N,N,…", help="how many at once")
    parser.add_argument("--write", action="store_true", help="keep the results in benchmarks/results.md")
    given = parser.parse_args()
    if unknown := set(given.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    if given.write and (given.short or given.sections or given.streams):
        parser.error("only what was measured in one run, and in full, is kept")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # in order: what was started ends, and its folders go
    options = Options(short=given.short, streams=tuple(int(count) for count in given.streams.split(",") if count))
    return measure(given.sections or SECTIONS, options, write=given.write)


def measure(names: list[str] | tuple[str, ...], options: Options, *, write: bool) -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # thousands of sockets, on both sides
    facts, began, sections = machine.described(), time.monotonic(), list[Section]()
    for name in names:
        for section in importlib.import_module(f"benchmarks.{name}").run(options):
            sections.append(section)
            print(markdown(section), end="\n\n", flush=True)
    if write:
        (ROOT / "benchmarks" / "results.md").write_text(page(sections, facts=facts, seconds=time.monotonic() - began))
        document = ROOT / "docs" / "performance.md"
        document.write_text(with_promises(document.read_text(), sections, facts=facts))
    missed = [figure for section in sections for figure in section.figures if figure.missed]
    print(f"{len(missed)} bounds missed." + "".join(f"\n  {' · '.join(figure.cells())}" for figure in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
