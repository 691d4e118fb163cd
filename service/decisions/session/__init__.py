"""Decisions on the session of single sign-on, and on its end (OpenID Connect).

| endpoint        | checks, in order                                                            | file           |
|-----------------|-----------------------------------------------------------------------------|----------------|
| /logout         | id_token_hint, client_id, post_logout_redirect_uri; ask the person?         | logout.py      |
| /logout/confirm | the page's ticket, its browser, its session                                 | logout.py      |
| (a login)       | the session of the same person goes on, that of another ends                | begin.py       |
| (both)          | the revocation of the session                                               | end.py         |
|                 | logout tokens for the session's clients                                     | backchannel.py |
| (cookies)       | the session: revocation and age; the grants that it records                 | session.py     |
|                 | the ids of the browser, to which its pages are bound                        | browser.py     |
"""
