"""Decisions on token requests (RFC 6749 section 3.2).

| endpoint | checks, in order                                                    | file                 |
|----------|---------------------------------------------------------------------|----------------------|
| /token   | the form; client authentication                                     | decide.py            |
|          | the DPoP proof or client certificate                                | sender_constraint.py |
|          | grant_type: known, registered for the client                        | decide.py            |
|          | the grant: what may be issued (the plan)                            | service/grants/      |
|          | settling: the client and the subject still exist; mint, read, spend | settle.py            |
|          | mint: the person's `sub` and claims                                 | person.py            |
|          | mint: the ID token                                                  | id_token.py          |
|          | read: nothing is revoked; spend: proofs, then code or refresh token | redeem.py            |

decide.py starts with a cache: a request that repeats an earlier one byte for byte is settled by the cached plan,
without authentication and grant, until the credentials expire or the configuration changes (form_request.py).

code.py mints authorization codes, for decisions/authorize and the decision API.
"""
