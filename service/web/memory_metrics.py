"""Metrics of the memory, read when they are asked for."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from service.memory import Memory, MemoryUnavailable


async def memory_metrics(memory: Memory) -> bytes:
    """Return whether the memory answers, and what it says of itself, as Prometheus text."""
    registry = CollectorRegistry()
    up = Gauge("satchel_memory_up", "Whether the memory answers", registry=registry)
    try:
        status = await memory.ready()
    except MemoryUnavailable:
        return generate_latest(registry)
    up.set(1)
    for name, about, value in (
        ("since_timestamp_seconds", "Instant since which the memory is complete", status.since),
        ("proofs_refused_until_timestamp_seconds", "Instant until which proofs are refused", status.proofs),
        ("entries", "Entries of the memory, roughly", status.entries),
    ):
        Gauge(f"satchel_memory_{name}", about, registry=registry).set(value)
    return generate_latest(registry)
