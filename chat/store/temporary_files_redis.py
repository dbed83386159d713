"""Files of temporary conversations in their Redis: a key for each place, which goes when the place does. What changes several
things at once is a script.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import chain
from typing import Any, Final

from django.conf import settings
from redis.exceptions import OutOfMemoryError, RedisError

from chat.store.temporary_files import NEW, Full, Held, chunks, limits

PREFIX: Final = "parley:temporary:"
INDEX: Final = f"{PREFIX}files"

COMING: Final = f"{PREFIX}coming"
LATE: Final = 300.0  # seconds after which one that has not come whole counts no more
STAYS: Final = 172_800_000  # milliseconds: longer than any place stays without being looked at

# In the key of a place: for each file its facts, its size, and its pieces in chunks, <file>:<what>. In the index: place →
# owner:size. Among those that are coming: <place>|<file>, by when they are late.
COMMON: Final = f"""
local function count(index, place, owner, more)
  local size = more + (string.match(redis.call('HGET', index, place) or '', '^%d+:(%d+)$') or 0)
  if size > 0 then redis.call('HSET', index, place, owner .. ':' .. string.format('%d', size))
  else redis.call('HDEL', index, place) end
  redis.call('PEXPIRE', index, {STAYS})
end
local function take(index, place, from, owner, named, into, to)
  for _, field in ipairs(redis.call('HKEYS', from)) do
    local file, what = string.match(field, '^([^:]+):(.*)$')
    if named[file] then
      local value = redis.call('HGET', from, field)
      redis.call('HDEL', from, field)
      if what == 'size' then count(index, place, owner, -value) end
      if what == 'size' and into then count(index, into, owner, value) end
      if into then redis.call('HSET', to, field, value) end
    end
  end
end
"""
ADMIT: Final = """
local place, owner, file, size, each, all, stays, prefix, late = unpack(ARGV)
if stays == '' then
  stays = redis.call('PTTL', KEYS[3])
  if tonumber(stays) <= 0 then return 'gone' end
end
local t = redis.call('TIME')
for _, one in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', t[1])) do
  local where, which = string.match(one, '^(.*)|([^|]*)$')
  local whose = string.match(redis.call('HGET', KEYS[2], where) or '', '^(%d+):') or '0'
  take(KEYS[2], where, prefix .. where .. ':files', whose, {[which] = true})
  redis.call('ZREM', KEYS[4], one)
end
local mine, total, known = 0, 0, redis.call('HGETALL', KEYS[2])
for i = 1, #known, 2 do
  local whose, taken = string.match(known[i + 1], '^(%d+):(%d+)$')
  if not taken or redis.call('EXISTS', prefix .. known[i] .. ':files') == 0 then redis.call('HDEL', KEYS[2], known[i])
  else
    total = total + taken
    if whose == owner then mine = mine + taken end
  end
end
if mine + size > tonumber(each) then return 'mine' end
if total + size > tonumber(all) then return 'all' end
count(KEYS[2], place, owner, size)
redis.call('ZADD', KEYS[4], t[1] + late, place .. '|' .. file)
redis.call('PEXPIRE', KEYS[4], 86400000)
redis.call('HSET', KEYS[1], file .. ':size', size)
redis.call('PEXPIRE', KEYS[1], stays)
return ''
"""
FILL: Final = """
if redis.call('HEXISTS', KEYS[1], ARGV[1] .. ':size') == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], ARGV[3])
if ARGV[2] == 'facts' then redis.call('ZREM', KEYS[2], ARGV[4]) end
return 1
"""
DROP: Final = "take(KEYS[2], ARGV[1], KEYS[1], ARGV[2], {[ARGV[3]] = true})"


class InRedis:
    """`asking` gives the connection, and says Away for whatever fails with it."""

    def __init__(self, redis: Any, asking: Callable[[], AbstractContextManager[Any]]) -> None:
        self._asking = asking
        self._admit, self._fill, self._drop = (redis.register_script(COMMON + text) for text in (ADMIT, FILL, DROP))

    def put(self, place: str, file_id: str, file: Held) -> bool:
        """Admitted by its size, then sent in chunks; found once its facts are there."""
        silence = 60_000 * settings.TEMPORARY_SILENCE_MINUTES if place.startswith(NEW) else ""
        with self._asking() as redis:
            args: list[Any] = [place, file.owner, file_id, file.size, *limits(), silence, PREFIX, int(LATE)]
            try:
                match self._admit(keys=[key(place), INDEX, PREFIX + place, COMING], args=args, client=redis).decode():
                    case "gone":
                        return False
                    case "mine" | "all" as whose:
                        raise Full(mine=whose == "mine")
                return self._sent(redis, place, file_id, file)
            except OutOfMemoryError:  # it may have less than we were told
                raise Full(mine=False) from None

    def _sent(self, redis: Any, place: str, file_id: str, file: Held) -> bool:
        """False where its place has gone meanwhile."""
        try:
            pieces = ((f"{name}:{at}", chunk) for name, data in file.pieces.items() for at, chunk in enumerate(chunks(data)))
            return all(
                self._fill(keys=[key(place), COMING], args=[file_id, name, data, f"{place}|{file_id}"], client=redis)
                for name, data in chain(pieces, [("facts", file.facts)])
            )
        except BaseException:  # half of one counts, and nobody finds it
            with suppress(RedisError, OSError):
                self._drop(keys=[key(place), INDEX], args=[place, file.owner, file_id], client=redis)
            raise

    def facts(self, place: str) -> dict[str, bytes]:
        with self._asking() as redis:
            names = [name for name in map(bytes.decode, redis.hkeys(key(place))) if name.endswith(":facts")]
            found = redis.hmget(key(place), names) if names else []
            return {name.partition(":")[0]: facts for name, facts in zip(names, found, strict=True) if facts is not None}

    def piece(self, place: str, file_id: str, name: str) -> Iterator[bytes]:
        at = 0
        while (chunk := self._chunk(place, f"{file_id}:{name}:{at}")) is not None:
            yield chunk
            at += 1

    def _chunk(self, place: str, field: str) -> bytes | None:
        with self._asking() as redis:
            found: bytes | None = redis.hget(key(place), field)
            return found

    def drop(self, place: str, file_id: str) -> None:
        with self._asking() as redis:
            known = (redis.hget(INDEX, place) or b"0:0").decode().partition(":")[0]
            self._drop(keys=[key(place), INDEX], args=[place, known, file_id], client=redis)

    def forget(self, place: str) -> None:
        with self._asking() as redis:
            redis.delete(key(place))
            redis.hdel(INDEX, place)


def key(place: str) -> str:
    return f"{PREFIX}{place}:files"
