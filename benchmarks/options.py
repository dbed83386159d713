"""What somebody asked of `python -m benchmarks`."""

import sys
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Options:
    """`short`: fewer and shorter measurements, to see that the harness works; their numbers prove nothing."""

    short: bool = False
    streams: tuple[int, ...] = ()
    began: float = field(default_factory=time.monotonic)

    def window(self, streams: int) -> float:
        """Seconds to measure: few streams need longer for the same number of tokens."""
        return 8.0 if self.short or streams > 10 else 16.0

    def progress(self, line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - self.began:5.0f} s  {line}\n")
