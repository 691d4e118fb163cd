"""Decisions about access tokens that are presented again.

| endpoint    | checks, in order                                                                | file          |
|-------------|---------------------------------------------------------------------------------|---------------|
| /introspect | client authentication, the token, its audience, revocation (RFC 7662, RFC 9701) | introspect.py |
| /revoke     | client authentication, a memory, the token, its client (RFC 7009)               | revoke.py     |
| /userinfo   | the token, its client, scheme, key, revocation, scope openid (OIDC Core 5.3)    | userinfo.py   |
"""
