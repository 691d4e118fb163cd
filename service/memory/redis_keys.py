"""What is where in Redis, and the script that changes it (RFC 6749 §10.5): tags, markers, entries, counters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from service.memory.digest import digest
from service.memory.port import MARGIN, Entry
from service.memory.quota import EXACT

ALL = range(256)
TAGS = [b"satchel:{%02x}:" % tag for tag in ALL]
MARKERS = [tag + b"since" for tag in TAGS]
KEPT = [tag + b"kept" for tag in TAGS]
LIFE = MARGIN + 20
"""Seconds that a marker lives unless it is renewed. A step of the clock that ends entries early ends markers too."""
STEPPED = b".t"
"""What the marker of a tag ends with that has begun anew after a step of the clock."""
IDENTITY = TAGS[0] + b"identity"

# KEYS: marker, entry, counters. ARGV: the marker known, rank, value, seconds to keep, how much it counts where not
# each is counted, the instant until which to keep, the most that each counter may count.
# A node and the server may have different clocks, so the later end counts.
# An entry is its rank, a colon and its value. A counter is a hash: for each instant the number of entries that end
# then, their `total`, and the `next` of the instants. Instants are those of the server's clock, as lives are.
# The rounding of a life is that of service/memory/quota.py.
PUT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'changed'} end
local rank = tonumber(ARGV[2])
local stands = redis.call('GET', KEYS[2])
if stands and tonumber(string.match(stands, '^%d+')) >= rank then return {'stands', stands} end
local now, granule = tonumber(redis.call('TIME')[1]), 1
local life = math.max(tonumber(ARGV[4]), tonumber(ARGV[6]) - now)
while granule * 32 <= life do granule = granule * 2 end
local kept = math.ceil((now + life) / granule) * granule
local before = stands and redis.call('EXPIRETIME', KEYS[2]) or 0
local function held(key)
  local found = redis.call('HMGET', key, 'total', 'next')
  local total, coming = tonumber(found[1]) or 0, tonumber(found[2]) or math.huge
  if now < coming then return total, coming end
  local all = redis.call('HGETALL', key)
  total, coming = 0, math.huge
  for n = 1, #all, 2 do
    local instant = tonumber(all[n])
    if instant and instant <= now then
      redis.call('HDEL', key, all[n])
    elseif instant then
      total, coming = total + tonumber(all[n + 1]), math.min(coming, instant)
    end
  end
  redis.call('HSET', key, 'total', total, 'next', string.format('%.0f', coming == math.huge and now or coming))
  return total, coming
end
if kept > before then
  local weight = tonumber(ARGV[5])
  for n = 3, #KEYS do
    local total = held(KEYS[n])
    local free = tonumber(ARGV[n + 4]) - total
    if not stands and free < 1 then return {'full'} end
    if free < EXACT or (n == 3 and total < EXACT) then weight = 1 end
  end
  for n = 3, weight > 0 and #KEYS or 0 do
    local total, coming = held(KEYS[n])
    local instant = string.format('%.0f', kept)
    redis.call('HINCRBY', KEYS[n], instant, weight)
    redis.call('HSET', KEYS[n], 'total', total + weight, 'next', string.format('%.0f', math.min(coming, kept)))
    if redis.call('EXPIRETIME', KEYS[n]) < kept then redis.call('EXPIREAT', KEYS[n], instant) end
  end
end
stands = ARGV[2] .. ':' .. ARGV[3]
redis.call('SET', KEYS[2], stands, 'EXAT', string.format('%.0f', math.max(kept, before)))
return {'stands', stands}
""".replace("EXACT", str(EXACT))
# What is reserved may be written when the server has no more memory for others.
PUT_RESERVED = "#!lua flags=allow-oom" + PUT


class View(NamedTuple):
    """What this process last saw of the contents: their name, each tag's marker, and the newest of them.

    `proofs` is the instant (s) until which proofs are refused.
    """

    identity: str
    markers: tuple[bytes, ...]
    newest: int
    proofs: int = 0

    def since(self, tags: Iterable[int] = ()) -> int:
        """Give the instant (s) from which these tags have forgotten nothing; without tags, all."""
        return max((start(self.markers[tag]) for tag in tags), default=self.newest)


def start(marker: bytes) -> int:
    """Give the instant (s) that a marker tells."""
    return int(marker.partition(b".")[0])


def place(id: str) -> tuple[int, bytes]:
    """Give the tag of an id, and the key of its entry."""
    name = digest(id)
    return name[0], TAGS[name[0]] + name.hex().encode()


def entry(text: bytes) -> Entry:
    """Give the entry that is written as `text`."""
    rank, _, value = text.partition(b":")
    return Entry(int(rank), value)


def seen(tag: int) -> tuple[str | bytes, ...]:
    """Give the command that reads a marker and renews it: a replica refuses it, since its absences prove nothing."""
    return ("GETEX", MARKERS[tag], "EX", str(LIFE))


def reading(ids: Iterable[str]) -> tuple[list[tuple[str | bytes, ...]], list[int]]:
    """Give the commands that read ids and then their tags' markers, and those tags."""
    places = [place(id) for id in ids]
    tags = sorted({tag for tag, _ in places})
    return [("GET", key) for _, key in places] + [seen(tag) for tag in tags], tags
