"""What a child may still do once it has been told what to do: compute for a while in so much memory, and answer."""

import codecs
import resource
import signal

from chat.decoding.frames import Limits

ENCODINGS = ("ascii", "cp437", "cp1252", "latin-1", "utf-8", "utf-16", "utf-16-be", "utf-16-le", "utf-32")  # modules of their own


def limit(limits: Limits) -> None:
    """Memory and time; a crash leaves no core on the disk."""
    for what, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu, limits.cpu + 1))  # a signal of its own, before it is killed
    signal.alarm(limits.seconds)


def close() -> None:
    """No further file or socket can be opened, and none be written. Whatever a decoder needs must have been loaded before."""
    for name in ENCODINGS:
        codecs.lookup(name)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # the three that are open stay so; none could take the place of one
