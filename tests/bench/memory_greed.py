"""What one greedy family, or one greedy client, costs the others: the rule of rotation on the embedded memory.

No token is sealed here; redeem is called as a token request calls it.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from service.bags.ids import fresh_id
from service.bags.kinds import Grant, RefreshToken
from service.decisions.context import Context
from service.decisions.token.redeem import redeem
from service.grants.plan import GrantRequest
from service.grants.refresh_token import plan_for_token
from service.memory import MemoryFull
from service.protocol.digests import client_digest
from service.protocol.form import Form
from tests.bench.effort import Effort
from tests.bench.figure import Figure
from tests.worlds.refresh_chains import RefreshChains

_LIFE = 30 * 86_400
_ROUNDS = 7


def measure(effort: Effort) -> Iterator[Figure]:
    """Yield the entries of a family after many rotations, and what others pay beside a client at its full share."""
    with TemporaryDirectory() as home:
        room = f"[memory.quotas]\nrefresh = {effort.live}\n[memory.shares]\nsubject = 100\n"
        chains = RefreshChains(Path(home), room)
        yield from asyncio.run(_measure(effort, chains.context, int(chains.now)))


async def _measure(effort: Effort, context: Context, now: int) -> list[Figure]:
    memory = context.memory
    await memory.ready()
    family = _first(context, "spa", now)
    family = await _rotate(context, "spa", family, now)
    entries = (await memory.ready()).entries
    for n in range(effort.rotations):
        family = await _rotate(context, "spa", family, now + n // 100)
    left = (await memory.ready()).entries - entries + 1
    usual = await _cost(effort, context, now)
    taken = 0
    with contextlib.suppress(MemoryFull):
        while True:
            await _rotate(context, "spa", _first(context, "spa", now), now)
            taken += 1
    beside = await _cost(effort, context, now, greedy=True)
    await memory.close()
    return [
        Figure("family_entries", left, at_most=1, note=f"{effort.rotations:,} rotations"),
        Figure("refresh_beside_greedy_client", usual / beside, "µs", usual, beside, 0.8, note=f"{taken:,} families"),
    ]


def _first(context: Context, client: str, now: int) -> RefreshToken:
    grant = Grant(fresh_id(), client_digest(client), "alice", "read", memory=context.memory.identity)
    return RefreshToken(context.snapshot.issuer, fresh_id(), now, now + _LIFE, grant, now + _LIFE)


async def _rotate(context: Context, client_id: str, token: RefreshToken, now: int) -> RefreshToken:
    """Use `token`, and return its child."""
    client = context.registry.clients.find(client_id)
    assert client is not None
    request = GrantRequest(Form({}, {}), client, {}, context.registry, context.snapshot, context.ports, now)
    plan = plan_for_token(token, request)
    await redeem(plan, context, now)
    assert plan.renewal is not None
    renewal = plan.renewal
    return msgspec.structs.replace(token, jti=fresh_id(), iat=now, generation=renewal.generation, uses=renewal.uses)


async def _cost(effort: Effort, context: Context, now: int, greedy: bool = False) -> float:
    """Return the microseconds that a refresh of another client takes; `greedy`: between vain attempts of the first."""
    family = await _rotate(context, "tab", _first(context, "tab", now), now)
    costs = []
    for _ in range(_ROUNDS):
        spent = 0.0
        for _ in range(effort.requests):
            if greedy:
                with contextlib.suppress(MemoryFull):
                    await _rotate(context, "spa", _first(context, "spa", now), now)
            began = time.perf_counter()
            family = await _rotate(context, "tab", family, now)
            spent += time.perf_counter() - began
        costs.append(spent / effort.requests * 1e6)
    return median(costs)
