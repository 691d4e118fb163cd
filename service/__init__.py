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
"""
