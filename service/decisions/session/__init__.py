"""Decisions on the session of single sign-on, and on its end (OpenID Connect).

| endpoint        | checks, in order                                                            | file           |
|-----------------|-----------------------------------------------------------------------------|----------------|
| /logout         | id_token_hint, client_id, post_logout_redirect_uri; ask the person?         | logout.py      |
| /logout/confirm | the page's ticket, its browser, its session                                 | logout.py      |
| (both)          | logout tokens for the session's clients                                     | backchannel.py |
| (cookies)       | the session: revocation and age; the grants that it records; the browser id | session.py     |
"""
