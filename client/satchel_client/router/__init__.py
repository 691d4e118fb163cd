"""The router: a reverse proxy beside a program, which adds access tokens to the program's requests to other services.

| file | what it holds |
|---|---|
| `__main__.py` | the command `python -m satchel_client.router`, on gunicorn |
| `app.py` | the ASGI application: /healthz, /metrics, forwarding |
| `config.py` | the TOML file |
| `table.py` | from the prefix of a path to its target |
| `forward.py` | one request to a target, streamed in both directions |
| `headers.py` | which headers are passed on, and the header of the token |
| `metrics.py` | counters for Prometheus |
"""
