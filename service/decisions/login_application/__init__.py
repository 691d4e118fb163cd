"""Decisions on the requests of a login application (`login.url`), over the back channel.

| endpoint      | checks, in order                                                             | file       |
|---------------|------------------------------------------------------------------------------|------------|
| /ticket       | client authentication, login.client, the ticket; returns the request         | ticket.py  |
| /ticket/issue | the same, then scope, subject, auth_time, claims, the request's requirements | verdict.py |
| /ticket/fail  | the same as /ticket, then error                                              | verdict.py |

The verdict is a bag in a URL; the browser takes it to /authorize (decisions/authorize/decide.py).
"""
