"""The decision API: decisions for an authorization server of the operator's, as Authlete's clients call them. No HTTP.

| call                        | checks, in order                                                   | file             |
|-----------------------------|--------------------------------------------------------------------|------------------|
| auth/token                  | client, grant type; the grant, or a description for the caller     | token.py         |
|                             | password: scope and resource, then a ticket                        | password.py      |
|                             | token exchange, JWT bearer: the tokens that the service can verify | exchange.py      |
| auth/token/issue, /fail     | the subject or reason, the ticket, its client, its single use      | password.py      |
| auth/token/create           | grantType, client, terms, subject, scope, resource                 | create.py        |
| auth/token/revoke           | a memory, exactly one token, client or subject                     | revocation.py    |
| auth/authorization          | the whole authorization request, then a ticket                     | authorization.py |
| auth/authorization/issue    | terms, the ticket, its client, login and consent, its single use   | consent.py       |
| auth/authorization/fail     | the reason, the ticket, its client, its single use                 | consent.py       |
| auth/introspection          | the token, its audience, client, key, acr, age, scopes, subject    | introspection.py |
| auth/introspection/standard | the token, its audience (RFC 7662, RFC 9701)                       | introspection.py |
| auth/revocation             | as /revoke (RFC 7009)                                              | revocation.py    |
| auth/userinfo, /issue       | as /userinfo; the caller may send the claims                       | userinfo.py      |
| pushed_auth_req             | as /par (RFC 9126)                                                 | pushed.py        |
| device/authorization        | as /device_authorization, without a limit per address              | device.py        |
| device/verification         | the user code                                                      | device.py        |
| device/complete             | result, terms, the user code, login and consent                    | device.py        |
| service/jwks/get            | none: the published keys                                           | service_info.py  |
| service/configuration       | none: the metadata                                                 | service_info.py  |
| idtoken/reissue             | both tokens, one family, scope openid, sub                         | reissue.py       |

calls.py lists the calls and makes result codes. wire.py defines messages. terms.py holds the caller's terms for tokens.
tokens.py, clients.py and answers.py make members of responses; presenting.py reads a token with the proof of its key.
"""
