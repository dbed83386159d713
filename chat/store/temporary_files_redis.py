"""Files of temporary conversations in their Redis: a key for each place, which goes when the place does. What changes several
things at once is a script.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import chain
from typing import Any, Final

from django.conf import settings
from redis.exceptions import RedisError

from chat.store.temporary_files import NEW, Full, Held, chunks, limits, new

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
  local key = prefix .. where .. ':files'
  local taken = redis.call('HGET', key, which .. ':size')
  if taken then
    for _, field in ipairs(redis.call('HKEYS', key)) do
      if string.match(field, '^[^:]+') == which then redis.call('HDEL', key, field) end
    end
    count(KEYS[2], where, string.match(redis.call('HGET', KEYS[2], where) or '', '^(%d+):') or '0', -taken)
  end
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
TAKE: Final = """
local place, owner, to, named = ARGV[1], ARGV[2], ARGV[3], {}
local stays = to == '' and 1 or redis.call('PTTL', KEYS[4])
if stays <= 0 then return 0 end
for i = 4, #ARGV do named[ARGV[i]] = true end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local file, what = string.match(field, '^([^:]+):(.*)$')
  if named[file] then
    local value = redis.call('HGET', KEYS[1], field)
    if what == 'size' then count(KEYS[2], place, owner, -value) end
    if what == 'size' and to ~= '' then count(KEYS[2], to, owner, value) end
    if to ~= '' then redis.call('HSET', KEYS[3], field, value) redis.call('PEXPIRE', KEYS[3], stays) end
    redis.call('HDEL', KEYS[1], field)
  end
end
return 1
"""


class InRedis:
    """`asking` gives the connection, and says Away for whatever fails with it."""

    def __init__(self, redis: Any, asking: Callable[[], AbstractContextManager[Any]]) -> None:
        self._asking = asking
        self._admit, self._fill, self._take = (redis.register_script(COMMON + text) for text in (ADMIT, FILL, TAKE))

    def put(self, place: str, file_id: str, file: Held) -> bool:
        """Admitted by its size, then sent in chunks; found once its facts are there."""
        silence = 60_000 * settings.TEMPORARY_SILENCE_MINUTES if place.startswith(NEW) else ""
        with self._asking() as redis:
            args: list[Any] = [place, file.owner, file_id, file.size, *limits(), silence, PREFIX, int(LATE)]
            match self._admit(keys=[_key(place), INDEX, PREFIX + place, COMING], args=args, client=redis).decode():
                case "gone":
                    return False
                case "mine" | "all" as whose:
                    raise Full(mine=whose == "mine")
            try:
                return self._sent(redis, place, file_id, file)
            except BaseException:  # half of one counts, and nobody finds it
                with suppress(RedisError, OSError):
                    keys = [_key(place), INDEX, _key(""), PREFIX]
                    self._take(keys=keys, args=[place, file.owner, "", file_id], client=redis)
                raise

    def _sent(self, redis: Any, place: str, file_id: str, file: Held) -> bool:
        """False where its place has gone meanwhile."""
        pieces = ((f"{name}:{at}", chunk) for name, data in file.pieces.items() for at, chunk in enumerate(chunks(data)))
        return all(
            self._fill(keys=[_key(place), COMING], args=[file_id, name, data, f"{place}|{file_id}"], client=redis)
            for name, data in chain(pieces, [("facts", file.facts)])
        )

    def facts(self, place: str) -> dict[str, bytes]:
        with self._asking() as redis:
            names = [name for name in map(bytes.decode, redis.hkeys(_key(place))) if name.endswith(":facts")]
            found = redis.hmget(_key(place), names) if names else []
            return {name.partition(":")[0]: facts for name, facts in zip(names, found, strict=True) if facts is not None}

    def piece(self, place: str, file_id: str, name: str) -> Iterator[bytes]:
        at = 0
        while (chunk := self._chunk(place, f"{file_id}:{name}:{at}")) is not None:
            yield chunk
            at += 1

    def _chunk(self, place: str, field: str) -> bytes | None:
        with self._asking() as redis:
            found: bytes | None = redis.hget(_key(place), field)
            return found

    def move(self, file_ids: Collection[str], *, owner: int, to: str) -> bool:
        return self._taken(new(owner), file_ids, owner=owner, to=to)

    def drop(self, place: str, file_id: str) -> None:
        with self._asking() as redis:
            known = (redis.hget(INDEX, place) or b"0:0").decode()
        self._taken(place, [file_id], owner=int(known.partition(":")[0]))

    def _taken(self, place: str, file_ids: Collection[str], *, owner: int, to: str = "") -> bool:
        with self._asking() as redis:
            keys = [_key(place), INDEX, _key(to), PREFIX + to]
            return bool(self._take(keys=keys, args=[place, owner, to, *file_ids], client=redis))

    def forget(self, place: str) -> None:
        with self._asking() as redis:
            redis.delete(_key(place))
            redis.hdel(INDEX, place)


def _key(place: str) -> str:
    return f"{PREFIX}{place}:files"
