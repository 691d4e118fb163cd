"""The wiring: a configuration, a key store and a memory become an ASGI application."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keys import KeyStore, KeyStoreError, read_master_key
from service.bags.snapshot import Snapshot
from service.client_auth.assertion import MAX_LIFE
from service.clients.registry import Registry, registry_problems
from service.config import Config
from service.config import load as load_file
from service.decisions.context import Context
from service.decisions.throttle import client_attempts
from service.grants import GRANTS
from service.hooks import Hooked, hook_problems, open_hooks
from service.memory import Memory, open_memory
from service.protocol.bounded_cache import BoundedCache
from service.protocol.ports import Ports
from service.users import open_users, user_problems
from service.web.answer import answer_unexpected, serialize_error
from service.web.browser_endpoints import browser_endpoints
from service.web.decision_api import DecisionApi
from service.web.documents import JwksDocument, MetadataDocument
from service.web.endpoint import Endpoint
from service.web.events import StandardOutput, configure_events
from service.web.form_endpoints import form_endpoints
from service.web.gate import Gate
from service.web.health import Healthz, Metrics, Readyz
from service.web.key_watch import KeyWatch, load_keys
from service.web.memory_watch import MemoryWatch
from service.web.notify import HttpNotify
from service.web.pages import page_problems
from service.web.remote_keys import HttpRemoteKeys
from service.web.request_log import RequestLog
from service.web.runtime import Runtime
from service.web.userinfo import userinfo_endpoints


def load(path: str | os.PathLike[str], environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration in the file at `path`. All checks are made that need neither keys nor memory.

    `SATCHEL_BIND` in `environ` has the addresses on which the service will listen, separated by commas.

    Raises:
        ConfigError: the configuration has problems; all problems are named.
    """

    def bind_problems(config: Config) -> Iterator[tuple[str, str]]:
        return _bind_problems(config, environ)

    return load_file(
        path, environ, registry_problems, hook_problems, user_problems, page_problems, _key_problems, bind_problems
    )


def _key_problems(config: Config) -> Iterator[tuple[str, str]]:
    try:
        key_store(config)
    except (KeyStoreError, OSError, ValueError) as fault:
        yield "keys.master_key_file", str(fault)


def key_store(config: Config) -> KeyStore:
    """Return the store of the configured key directory.

    Raises:
        KeyStoreError: the master key file is refused.
    """
    policy = config.keys
    master = read_master_key(Path(policy.master_key_file)) if policy.master_key_file else None
    return KeyStore(Path(policy.directory), master)


def create_app(
    config: Config,
    *,
    store: KeyStore | None = None,
    memory: Memory | None = None,
    clock: Callable[[], float] = time.time,
    write: Callable[[bytes], Any] | None = None,
) -> Gate:
    """Return the application of `config`.

    `clock` returns seconds since the epoch. `write` receives the log lines; by default they go to standard output.

    Raises:
        KeyStoreError: the key directory cannot be read or has a fault; the file is named.
        HookError: a hook cannot be loaded.
    """
    write = write or StandardOutput()
    configure_events(config.logging.level, write)
    store = store or key_store(config)
    memory = memory or open_memory(
        config.memory, lambda: int(clock()), skew=config.keys.skew, proof_life=_proof_life(config)
    )
    context = create_context(config, store, memory)
    runtime = Runtime(context, config.keys, clock)
    request_log = RequestLog(clock, write if config.logging.requests else None, audit=config.hooks.audit)
    endpoints: dict[str, Endpoint] = {
        **form_endpoints(runtime),
        **userinfo_endpoints(runtime),
        **browser_endpoints(runtime),
    }
    api = DecisionApi(runtime) if config.api.enabled else None
    endpoints |= {} if api is None else dict.fromkeys(api.paths, api)
    middleware = [MemoryWatch(runtime), KeyWatch(runtime, store), request_log, *filter(None, [context.ports.audit])]
    app = Gate(runtime, request_log, endpoints, middleware=middleware)
    app.set_error_serializer(serialize_error)
    app.add_error_handler(Exception, answer_unexpected)
    base = config.base_path
    app.add_route(base + config.endpoints.jwks, JwksDocument(runtime))
    app.add_route("/.well-known/oauth-authorization-server" + base, MetadataDocument(runtime))
    if config.openid.enabled:
        app.add_route(base + "/.well-known/openid-configuration", MetadataDocument(runtime))
        if base:  # the transformed form of RFC 8414 section 5
            app.add_route("/.well-known/openid-configuration" + base, MetadataDocument(runtime))
    app.add_route("/healthz", Healthz())
    app.add_route("/readyz", Readyz(runtime))
    if api is not None:
        app.add_sink(api.sink, f"{base}{config.api.path}/")
    app.add_route(config.endpoints.metrics, Metrics(runtime, request_log, "PROMETHEUS_MULTIPROC_DIR" in os.environ))
    return app


def _proof_life(config: Config) -> int:
    """Return for how long (s) an assertion or a DPoP proof can be used, with clocks that differ."""
    return max([MAX_LIFE, *(issuer.max_life for issuer in config.issuers)]) + 2 * config.keys.skew


def create_context(config: Config, store: KeyStore, memory: Memory) -> Context:
    """Return the context of all decisions.

    Raises:
        KeyStoreError: the key directory cannot be read or has a fault; the file is named.
        HookError: a hook cannot be loaded.
    """
    snapshot = Snapshot(load_keys(store), config.issuer, config.keys.skew)
    hooks = open_hooks(config)
    return Context(
        Registry(config), snapshot, memory, _ports(config, hooks, memory), {**GRANTS, **hooks.grants}, BoundedCache()
    )


def preflight(config: Config) -> str:
    """Check that the keys can be loaded. Return a text for the operator who has started the service.

    Raises:
        KeyStoreError: there are no keys, or they cannot be loaded.
    """
    load_keys(key_store(config))
    if not config.demo:
        return ""
    url = config.issuer + config.endpoints.token
    return f"\nGet a first token:\n\n  curl -s -u 123456789:987654321 -d grant_type=client_credentials {url}\n\n"


def _ports(config: Config, hooks: Hooked, memory: Memory) -> Ports:
    development = _is_loopback(urlsplit(config.issuer).hostname or "")
    users = open_users(config, hooks.authenticate_user)
    keys, notify = HttpRemoteKeys(development, max_stale=config.lifetimes.remote_keys), HttpNotify(development)
    guard = partial(client_attempts, memory, config.login)
    return Ports(users, keys, notify, guard, hooks.authenticate_client, hooks.customize, hooks.audit)


def _bind_problems(config: Config, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for address in filter(None, [*environ.get("SATCHEL_BIND", "").split(","), config.api.bind]):
        on_loopback = address.startswith("unix:") or _is_loopback(urlsplit(f"//{address}").hostname or "")
        if config.demo and not on_loopback:
            yield "demo", f"true allows loopback addresses only, not {address}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
