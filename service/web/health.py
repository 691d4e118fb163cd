"""/healthz, /readyz and /metrics, for the operator. Their responses contain no secrets."""

from ipaddress import ip_address

import falcon
import falcon.asgi
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from keys import NoActiveKey
from service.memory import MemoryUnavailable
from service.web.answer import PRIVATE, json_document
from service.web.key_metrics import KeyMetrics
from service.web.memory_metrics import memory_metrics
from service.web.request_log import RequestLog
from service.web.runtime import Runtime

_BY_PROXY = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


class Healthz:
    """GET /healthz: 200 as long as the process answers."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer the request."""
        req.scope["line"].endpoint = "healthz"
        resp.set_headers(PRIVATE)
        resp.content_type = "application/json"
        resp.data = b'{"status":"ok"}'


class Readyz:
    """GET /readyz: whether this node can work: the key directory is readable, keys are active, the memory answers."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer the request: 200, or 503 with the faults."""
        req.scope["line"].endpoint = "readyz"
        runtime, now = self._runtime, self._runtime.clock()
        faults = {"keys": "the key directory cannot be read; see the log"} if runtime.fault else {}
        try:
            for alg in runtime.policy.signing_algs:
                runtime.context.snapshot.ring.signer(alg, now)
            runtime.context.snapshot.ring.sealer(now)
        except NoActiveKey as fault:
            faults["keys"] = str(fault)
        report: dict[str, object] = {}
        if lacking := runtime.context.snapshot.ring.without_standby(runtime.policy.signing_algs, now):
            report["warnings"] = {"keys": f"no standby is published for {', '.join(lacking)}; run make rotate-keys"}
        try:
            memory = await runtime.context.memory.ready()
            proofs = {"proofs_refused_until": memory.proofs} if memory.proofs > now else {}
            about = {"name": memory.name, "identity": memory.identity, "since": memory.since}
            report["memory"] = {**about, **proofs}
        except MemoryUnavailable:
            faults["memory"] = "the memory does not answer; see the log"
        resp.set_headers(PRIVATE)
        resp.content_type = "application/json"
        if faults:
            resp.status = falcon.HTTP_503
        resp.data = json_document({"status": "unready" if faults else "ready", **report, "faults": faults})


class Metrics:
    """GET /metrics: Prometheus metrics of all workers on this host, for callers on loopback."""

    def __init__(self, runtime: Runtime, request_log: RequestLog, multiprocess: bool) -> None:
        self._request_log = request_log
        self._multiprocess = multiprocess
        self._runtime = runtime
        self._keys = KeyMetrics(runtime)

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer the request.

        Raises:
            HTTPNotFound: the caller is not on loopback, or the request came through a proxy.
        """
        req.scope["line"].endpoint = "metrics"
        client = req.scope.get("client")
        if not (client and ip_address(client[0]).is_loopback) or any(map(req.get_header, _BY_PROXY)):
            raise falcon.HTTPNotFound
        self._request_log.flush()
        registry = CollectorRegistry() if self._multiprocess else REGISTRY
        if self._multiprocess:
            MultiProcessCollector(registry)
        resp.content_type = CONTENT_TYPE_LATEST
        resp.set_headers(PRIVATE)
        memory = await memory_metrics(self._runtime.context.memory)
        resp.data = generate_latest(registry) + generate_latest(self._keys.registry) + memory
