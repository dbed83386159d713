"""Redis: a server without a disk, to be stopped, flushed and frozen."""

import secrets
import signal
from typing import Self

import redis

from tests.engines import binaries
from tests.engines.process import Engine

CONFIGURATION = """
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
save ""
appendonly no
"""


class Redis(Engine):
    """A server of one's own; what it holds is gone with each `stop`."""

    name, last_resort = "redis", signal.SIGKILL

    def __init__(self) -> None:
        self.binary, self.password = binaries.redis(), secrets.token_hex(16)
        super().__init__()

    def prepare(self) -> None:
        configuration = CONFIGURATION.format(port=self.port, password=self.password, folder=self.folder)
        (self.folder / "redis.conf").write_text(configuration)

    def command(self) -> list[str]:
        return [str(self.binary), str(self.folder / "redis.conf")]

    @property
    def url(self) -> str:
        """REDIS_URL."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def flush(self) -> None:
        """FLUSHALL."""
        with redis.Redis.from_url(self.url, socket_timeout=10) as client:
            client.flushall()

    def stop(self) -> None:
        self.end(signal.SIGTERM)

    def restart(self) -> None:
        """Down and up again, at the same address, empty."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


class GivenRedis:
    """Somebody else's server: used, never flushed."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It was running before."""
