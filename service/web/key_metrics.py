"""Metrics of the key ring, computed at each scrape."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.web.runtime import Runtime


class KeyMetrics(Collector):
    """A collector with its own registry. The ring is the same in every worker, so its metrics are not summed."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return no metrics, so that registration does not read the ring."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the age of each key and the time until it expires, in seconds."""
        now = self._runtime.clock()
        age = GaugeMetricFamily(
            "satchel_key_age_seconds", "Seconds since the key was created", labels=["kid", "alg", "state"]
        )
        left = GaugeMetricFamily(
            "satchel_key_expires_in_seconds", "Seconds until the key expires", labels=["kid", "alg"]
        )
        for key in self._runtime.context.snapshot.ring.keys:
            age.add_metric([key.kid, key.alg, key.state(now)], now - key.created)
            left.add_metric([key.kid, key.alg], key.expires - now)
        standby = GaugeMetricFamily(
            "satchel_key_standby", "1 if a standby of the algorithm is published, else 0", labels=["alg"]
        )
        algs = self._runtime.policy.signing_algs
        lacking = self._runtime.context.snapshot.ring.without_standby(algs, now)
        for alg in algs:
            standby.add_metric([alg], 0 if alg in lacking else 1)
        yield age
        yield left
        yield standby
