"""What makes services in this process quick to make: keys and page templates are made once, and then shared."""

from collections.abc import Hashable
from functools import cache, partial

import jinja2
import msgspec
from jinja2.bccache import Bucket

from keys import KeyStore, Policy, Ring, rotate
from service.web import pages


@cache
def _ring(policy: Policy, now: int) -> Ring:
    return rotate(Ring(), policy, now)


def first_ring(policy: Policy, now: int) -> Ring:
    """The first keys under `policy`; services with the same settings have the same keys, until `other_keys`."""
    return _ring(msgspec.structs.replace(policy, directory="", master_key_file=""), now)


def other_keys() -> None:
    """Give services that are made from now on other keys than those before."""
    _ring.cache_clear()


class SavedRing(KeyStore):
    """A key store that gives back the ring that it saved, without reading it, while the files are as it left them."""

    _saved: tuple[Hashable, Ring] | None = None

    def save(self, ring: Ring) -> None:
        super().save(ring)
        self._saved = self.stamp(), ring

    def load(self, *, accept_plain: bool = False) -> Ring:
        if self._saved and self._saved[0] == self.stamp():
            return self._saved[1]
        return super().load(accept_plain=accept_plain)


class _Compiled(jinja2.BytecodeCache):
    """Compiled templates by name and text."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._code.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


pages.Environment = partial(jinja2.Environment, bytecode_cache=_Compiled())  # type: ignore[misc, assignment]
