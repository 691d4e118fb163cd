"""Decisions of the device flow (RFC 8628).

| endpoint              | checks, in order                                             | file             |
|-----------------------|--------------------------------------------------------------|------------------|
| /device_authorization | client authentication, grant type, requests per address,     | authorization.py |
|                       | DPoP key, resource and scope, length                         |                  |
| /device               | GET: shows the page for the user code                        | page.py          |
|                       | POST: the page's browser, guesses per address, the user code |                  |

page.py continues with login and consent (decisions/authorize/interaction.py). The device polls /token
(service/grants/device_code.py).
"""
