"""The numbers that Parley promises, measured: `python -m benchmarks` (docs/performance.md)."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
