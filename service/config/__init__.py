"""The configuration: one TOML file, read into frozen structs. Every problem is reported with the path of its setting.

| file | what it holds |
|---|---|
| `load.py` | `load()`: reads the file, collects all problems, and raises `ConfigError` |
| `table.py` | the base class of all tables, and the value types that several tables use |
| `tables.py` | `Config` (the whole file) and the tables without a file of their own |
| `parties.py` | resource servers, clients, trusted issuers, token exchange rules |
| `front.py` | login, page design, OpenID Connect, types of authorization details |
| `api.py` | the decision API |
| `check.py` | rules between settings: issuer, lifetimes, endpoints, resources, clients |
| `check_client_auth.py` | rules of client authentication, and `fetchable()` for URLs that the service fetches |
| `check_grants.py` | rules of users, trusted issuers, token exchange and the device flow |
| `check_front.py` | rules of the authorization endpoint, login and consent |
| `check_openid.py` | rules of OpenID Connect |
| `check_api.py` | rules of the decision API |
| `check_memory.py` | warnings about settings that need a memory |
| `reference.py` | writes docs/configuration.md from the tables |
"""

from service.config.load import ConfigError, Problem, load
from service.config.parties import Client, ClientSecret, Exchange, Issuer, Resource
from service.config.tables import Config, Endpoints, KnownUser, Lifetimes, Logging, Proxies

__all__ = [
    "Client",
    "ClientSecret",
    "Config",
    "ConfigError",
    "Endpoints",
    "Exchange",
    "Issuer",
    "KnownUser",
    "Lifetimes",
    "Logging",
    "Problem",
    "Proxies",
    "Resource",
    "load",
]
