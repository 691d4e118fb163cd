"""HTTP: reads a request, asks service/decisions for a decision, and renders the decision as a response.

| endpoint | file |
|---|---|
| all, first | `gate.py`: limits the body, routes to the endpoint (`endpoint.py`), writes the log line |
| /token, /introspect, /revoke, /par, /device_authorization, /ticket, /ticket/issue and /fail | `form_endpoints.py` |
| /userinfo | `userinfo.py` |
| /authorize, /authorize/login, /authorize/consent, /device, /logout, /logout/confirm | `browser_endpoints.py` |
| the decision API | `decision_api.py` |
| /jwks, /.well-known/oauth-authorization-server, /.well-known/openid-configuration | `documents.py` (Falcon) |
| /healthz, /readyz, /metrics | `health.py`, `key_metrics.py`, `memory_metrics.py` (Falcon) |

A request passes these files, in this order:

| endpoints | order |
|---|---|
| forms | `proxies.py` and `certificate.py` (address, client certificate) → decision → `answer.py` → `cors.py` |
| browsers | `cookies.py` → `proxies.py` → decision → `pages.py` (with `templates/` and `contrast.py`) or a redirect |

| file | what it holds |
|---|---|
| `runtime.py` | the current context, key policy and clock, which all endpoints share |
| `key_watch.py`, `memory_watch.py` | start and end of a worker: load and watch the keys, open and close the memory |
| `request_log.py`, `events.py` | the log line and the metrics of requests; all other log events |
| `remote_keys.py`, `notify.py` | outgoing: JWK Sets of other parties, back-channel logout |
| `outward.py`, `public_address.py` | outgoing requests in general, which go to public addresses only |
"""
