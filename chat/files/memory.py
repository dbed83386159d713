"""Memory of large blocks goes back to the system when they are freed."""

import contextlib
import ctypes
from functools import cache
from typing import Final

THRESHOLD: Final = 1 << 20  # bytes from which a block is mapped by itself
M_MMAP_THRESHOLD: Final = -3


@cache
def give_back() -> None:
    """glibc raises its threshold to the size of the blocks that it sees: after twenty uploads at once 200 MB of this process were
    holes in the heaps of its threads. Set once, it stays.
    """
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, THRESHOLD)
