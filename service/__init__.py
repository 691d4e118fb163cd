"""The Satchel token service. docs/architecture.md describes its packages.

| file | what it holds |
|---|---|
| `app.py` | the wiring: a configuration becomes an ASGI application |
| `__main__.py` | the commands (`python -m service …`) |
| `commands.py` | the commands `revoke` and `code` |
| `explain.py` | the command `explain` |
| `new_client.py` | the command `client` |
| `users.py` | users of the configuration, or of a hook |
| `gunicorn_conf.py` | an alias of `server/gunicorn_conf.py` |
| `errors.py` | the texts of docs/errors.md: cause and cure of each error |
| `config/` | the configuration file and its checks |
| `memory/` | the memory: used ids, revocations |
| `bags/` | tokens: encryption, signatures, opening |
| `protocol/` | parameters and concepts of OAuth 2.0 and OpenID Connect |
| `clients/` | clients and their keys |
| `client_auth/` | the methods of client authentication |
| `grants/` | the grant types |
| `decisions/` | what each endpoint decides, without HTTP |
| `decision_api/` | decisions for an authorization server of the operator's own |
| `web/` | the endpoints over HTTP |
| `hooks/` | the operator's own code |
| `server/` | how gunicorn serves the application |
"""
