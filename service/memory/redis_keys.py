"""What is where in Redis, and the two scripts that change it (RFC 6749 §10.5): tags, markers, entries, counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from service.memory.digest import digest

ALL = range(256)
TAGS = [b"satchel:{%02x}:" % tag for tag in ALL]
MARKERS = [tag + b"since" for tag in TAGS]
IDENTITY = TAGS[0] + b"identity"

# KEYS: marker, entry, count. ARGV: the marker known, value, milliseconds to keep, the most that the class may hold.
PUT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'changed'} end
local full = (tonumber(redis.call('GET', KEYS[3])) or 0) >= tonumber(ARGV[4])
if full then
  local stands = redis.call('GET', KEYS[2])
  if stands then return {'stands', stands} end
  return {'full'}
end
local stands = redis.call('SET', KEYS[2], ARGV[2], 'NX', 'GET', 'PX', ARGV[3])
if stands then return {'stands', stands} end
if redis.call('INCR', KEYS[3]) == 1 then redis.call('PEXPIRE', KEYS[3], ARGV[3]) end
return {'stands', ARGV[2]}
"""
# KEYS: marker, entry. ARGV: the marker known, instant, milliseconds to keep.
RAISE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'changed'} end
local instant = math.max(tonumber(redis.call('GET', KEYS[2])) or 0, tonumber(ARGV[2]))
local keep = math.max(redis.call('PTTL', KEYS[2]), tonumber(ARGV[3]))
local text = string.format('%d', instant)
redis.call('SET', KEYS[2], text, 'PX', string.format('%d', keep))
return {'stands', text}
"""


class View(NamedTuple):
    """What this process last saw of the contents: their name, and each tag's marker."""

    identity: str
    markers: tuple[bytes, ...]

    def since(self, tags: Iterable[int]) -> int:
        """Give the instant (s) from which these tags have forgotten nothing."""
        return max(int(self.markers[tag].partition(b".")[0]) for tag in tags)


def place(id: str) -> tuple[int, bytes]:
    """Give the tag of an id, and the key of its entry."""
    name = digest(id)
    return name[0], TAGS[name[0]] + name.hex().encode()


def seen(tag: int) -> tuple[str | bytes, ...]:
    """Give the command that reads a marker: one that a replica refuses, since its absences prove nothing."""
    return ("GETEX", MARKERS[tag], "PERSIST")


def reading(ids: Iterable[str]) -> tuple[list[tuple[str | bytes, ...]], list[int]]:
    """Give the commands that read ids and then their tags' markers, and those tags."""
    places = [place(id) for id in ids]
    tags = sorted({tag for tag, _ in places})
    return [("GET", key) for _, key in places] + [seen(tag) for tag in tags], tags
