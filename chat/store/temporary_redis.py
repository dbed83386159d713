"""Temporary conversations in a Redis that keeps nothing on disk. What changes several keys is a script."""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import Any, Final

from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from chat.store import temporary_files, temporary_files_redis
from chat.store.temporary import EACH, MOST, Away, Kept, Seen, Taken, TooMany, lifetimes
from chat.store.temporary_files_redis import INDEX, PREFIX, STAYS

logger = logging.getLogger(__name__)
PATIENCE: Final = 1.0  # seconds for one answer
FRESH, AGAIN = 60.0, 5.0  # seconds after which it is asked again whether it keeps anything on disk; where it was away
FAILURES: Final = (RedisError, OSError)
KEEPS: Final = "They may be in memory alone, and the Redis of this server keeps a copy on disk or elsewhere."
UNSEEN: Final = "They may be in memory alone, and the Redis of this server does not tell whether it keeps a copy on disk."
NO_ANSWER: Final = "The Redis in which they live does not answer at the moment."

# Times are the server's, in milliseconds. KEYS[1] is the conversation, KEYS[2] its log; its files stay as long as it does.
# A Redis that is full refuses a script at its first write that takes room, and only there: what is said, which is little beside
# the files, goes on (`anyway`); and nothing is read within MULTI, which it refuses.
COMMON: Final = f"""
local function now() local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end
local function stay(closed, silent)
  local kept = redis.call('HMGET', KEYS[1], 'seen', 'said')
  local left = math.min(kept[1] + closed, kept[2] + silent) - now()
  local files = KEYS[1] .. ':files'
  if left <= 0 then redis.call('DEL', KEYS[1], KEYS[2], files) return end
  for _, key in ipairs({{KEYS[1], KEYS[2], files}}) do redis.call('PEXPIRE', key, left) end
  redis.call('PEXPIRE', '{INDEX}', {STAYS})
end
local function anyway(silent) redis.call('PEXPIRE', KEYS[1], silent) end
"""
MAKE: Final = """
local id, owner, document, run, most, closed, silent, prefix = unpack(ARGV)
if redis.call('EXISTS', KEYS[1]) == 1 then return 2 end
local living = 0
for _, one in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  if redis.call('EXISTS', prefix .. one) == 1 then living = living + 1 else redis.call('SREM', KEYS[3], one) end
end
if living >= tonumber(most) then return 0 end
local t = now()
redis.call('HSET', KEYS[1], 'owner', owner, 'document', document, 'run', run, 'position', 1, 'size', #document)
redis.call('HSET', KEYS[1], 'said', t, 'seen', t)
local named = {}
for i = 10, #ARGV do named[ARGV[i]] = true end
take(KEYS[6], ARGV[9], KEYS[5], owner, named, id, KEYS[1] .. ':files')
for _, set in ipairs({KEYS[3], KEYS[4]}) do redis.call('SADD', set, id) redis.call('PEXPIRE', set, 86400000) end
stay(closed, silent)
return 1
"""
WRITE: Final = """
local at, document, run, count, closed, silent = unpack(ARGV)
if redis.call('HGET', KEYS[1], 'position') ~= at then return 0 end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'document', document, 'run', run, 'size', #document, 'said', now())
redis.call('HINCRBY', KEYS[1], 'position', count)
for _, set in ipairs({KEYS[3], KEYS[4]}) do redis.call('PEXPIRE', set, 86400000) end
stay(closed, silent)
return 1
"""
APPEND: Final = """
local most, closed, silent = tonumber(ARGV[2]), ARGV[3], ARGV[4]
local kept = redis.call('HMGET', KEYS[1], 'run', 'size')
if kept[1] ~= ARGV[1] then return -1 end
local size, new = 0, 6 + math.max(0, redis.call('LLEN', KEYS[2]) - ARGV[5])
for i = new, #ARGV do size = size + #ARGV[i] end
if kept[2] + size > most then return -1 end
anyway(silent)
for i = new, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
redis.call('HSET', KEYS[1], 'said', now())
redis.call('HINCRBY', KEYS[1], 'size', size)
local position = redis.call('HINCRBY', KEYS[1], 'position', math.max(0, #ARGV - new + 1))
stay(closed, silent)
return position
"""
LOOK: Final = """
local kept = redis.call('HMGET', KEYS[1], 'position', 'run')
if not kept[1] then return false end
anyway(ARGV[2])
redis.call('HSET', KEYS[1], 'seen', now())
stay(ARGV[1], ARGV[2])
return kept
"""
READ: Final = """
local kept = redis.call('HMGET', KEYS[1], 'owner', 'document', 'position')
if not kept[1] then return false end
return {kept[1], kept[2], kept[3], redis.call('LRANGE', KEYS[2], 0, -1)}
"""


class InRedis:
    """One Redis for all processes, at `url`. It is asked at first, and again each minute, whether it keeps nothing."""

    def __init__(self, url: str) -> None:
        self._redis: Any = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        texts = (MAKE, WRITE, APPEND, LOOK, READ)
        self._make, self._write, self._append, self._look, self._read = (
            self._redis.register_script(temporary_files_redis.COMMON + COMMON + text) for text in texts
        )
        self._checking, self._reason, self._until = Lock(), NO_ANSWER, 0.0
        self.files = temporary_files_redis.InRedis(self._redis, self._asking)

    def why_not(self) -> str:
        before = self._until  # 0: nobody has asked yet, and there is nothing to be told meanwhile
        if monotonic() >= before and self._checking.acquire(blocking=not before):  # else nobody waits for another's question
            try:
                if self._until == before:
                    self._found(self._check())
                    if self._reason in (KEEPS, UNSEEN):
                        self._forget_all()
            finally:
                self._checking.release()
        return self._reason

    def _found(self, reason: str) -> None:
        self._reason, self._until = reason, monotonic() + (AGAIN if reason == NO_ANSWER else FRESH)

    def make(self, talk_id: str, *, owner: int, document: bytes, run: str, files: Collection[str] = ()) -> None:
        place = temporary_files.new(owner)
        args: list[str | int | bytes] = [talk_id, owner, document, run, MOST, *_milliseconds(), PREFIX, place, *files]
        keys = [*_keys(talk_id), f"{PREFIX}of:{owner}", f"{PREFIX}all", temporary_files_redis.key(place), INDEX]
        with self._asking() as redis:
            made = self._make(keys=keys, args=args, client=redis)
        if made != 1:
            raise Taken if made else TooMany

    def read(self, talk_id: str) -> Kept | None:
        with self._asking() as redis:
            kept = self._read(keys=_keys(talk_id), client=redis)  # all of one moment
        return Kept(int(kept[0]), kept[1], tuple(kept[3]), int(kept[2])) if kept else None

    def write(self, talk_id: str, document: bytes, *, at: int, count: int, run: str = "") -> bool:
        with self._asking() as redis:
            owner = redis.hget(_keys(talk_id)[0], "owner")
            if owner is None:
                return False
            sets = (f"{PREFIX}of:{int(owner)}", f"{PREFIX}all")
            args = (at, document, run, count, *_milliseconds())
            return bool(self._write(keys=[*_keys(talk_id), *sets], args=args, client=redis))

    def append(self, talk_id: str, run: str, events: Sequence[bytes], *, first: int) -> int | None:
        with self._asking() as redis:
            args: list[str | int | bytes] = [run, EACH, *_milliseconds(), first, *events]
            position = int(self._append(keys=_keys(talk_id), args=args, client=redis))
            return None if position < 0 else position

    def look(self, talk_ids: Collection[str]) -> dict[str, Seen]:
        found = {}
        with self._asking() as redis:
            for talk_id in talk_ids:
                if kept := self._look(keys=_keys(talk_id), args=_milliseconds(), client=redis):
                    found[talk_id] = Seen(int(kept[0]), kept[1].decode())
        return found

    def of(self, owner: int) -> list[str]:
        with self._asking() as redis:
            ids = sorted(one.decode() for one in redis.smembers(f"{PREFIX}of:{owner}"))
            return [one for one in ids if redis.exists(PREFIX + one)]

    def size(self) -> int:
        with self._asking() as redis, redis.pipeline(transaction=False) as together:
            ids = [one.decode() for one in redis.smembers(f"{PREFIX}all")]
            for one in ids:
                together.hget(PREFIX + one, "size")
            sizes = together.execute() if ids else []
            if gone := [one for one, size in zip(ids, sizes, strict=True) if size is None]:
                redis.srem(f"{PREFIX}all", *gone)
            return sum(int(size) for size in sizes if size is not None)

    def drop(self, talk_id: str) -> None:
        with self._asking() as redis:
            redis.delete(*_keys(talk_id))
            self.files.forget(talk_id)

    def tidy(self) -> None:
        """Its keys expire by themselves."""

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        if self.why_not():
            raise Away
        try:
            yield self._redis
        except OutOfMemoryError:  # which is an answer: nobody else is held up
            logger.warning("The Redis of temporary conversations is full")
            raise Away from None
        except FAILURES as error:  # by its kind alone: what it says may quote what was sent
            logger.warning("The Redis of temporary conversations failed: %s", type(error).__name__)
            self._found(NO_ANSWER)  # one that hangs is not waited for by every page
            raise Away from None

    def _check(self) -> str:
        """Whether it writes to a disk, or sends what it has to another. (A dump that somebody asks for by hand is theirs.)"""
        try:
            kept = {**self._redis.config_get("save"), **self._redis.config_get("appendonly")}
            replication = self._redis.info("replication")
        except ResponseError:
            return UNSEEN
        except FAILURES:
            return NO_ANSWER
        told = {_text(name): _text(value) for name, value in kept.items()}
        if "save" not in told or "appendonly" not in told:
            return UNSEEN
        alone = replication.get("role") == "master" and replication.get("connected_slaves") == 0
        return "" if alone and not told["save"] and told["appendonly"] == "no" else KEEPS

    def _forget_all(self) -> None:
        """It has begun to keep what it holds: nothing of ours stays in it."""
        try:
            for key in self._redis.scan_iter(f"{PREFIX}*"):
                self._redis.delete(key)
        except FAILURES as error:
            logger.warning("Temporary conversations stay in a Redis that keeps a copy: %s", type(error).__name__)


def _keys(talk_id: str) -> list[str]:
    return [PREFIX + talk_id, f"{PREFIX}{talk_id}:log"]


def _milliseconds() -> tuple[int, int]:
    closed, silent = lifetimes()
    return int(closed * 60_000), int(silent * 60_000)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
