"""Parameters and concepts of OAuth 2.0 and OpenID Connect, as functions without HTTP and without effects.

| file | what it holds |
|---|---|
| `form.py` | parsing of application/x-www-form-urlencoded bodies and queries (RFC 6749 appendix B) |
| `errors.py` | `OAuthError`: error code, public description, private reason (RFC 6749 section 5.2) |
| `challenge.py` | the WWW-Authenticate header of resource endpoints (RFC 6750 section 3, RFC 9449 section 7.1) |
| `scopes.py` | the `scope` parameter (RFC 6749 section 3.3) |
| `audience.py` | resource servers and the `resource` parameter (RFC 8707) |
| `entitlement.py` | the audiences and scopes that a client gets for a request |
| `authorization_details.py` | the `authorization_details` parameter (RFC 9396) |
| `redirect_uri.py` | comparison of redirect URIs (RFC 6749 section 3.1.2, RFC 8252 section 7.3) |
| `pkce.py` | PKCE (RFC 7636) |
| `dpop.py` | DPoP proofs (RFC 9449) |
| `user_code.py` | user codes of the device flow (RFC 8628 section 6.1) |
| `claims.py` | claims about users, and the scopes that request them (OpenID Connect Core section 5) |
| `claims_parameter.py` | the `claims` parameter (OpenID Connect Core section 5.5) |
| `subject.py` | public and pairwise subject identifiers (OpenID Connect Core section 8) |
| `trusted_issuer.py` | other issuers whose JWTs are accepted (RFC 7523, RFC 8693) |
| `one_time_id.py` | ids that the memory accepts once |
| `revocation_check.py` | the memory entries that revoke a token: revocations and not-befores |
| `token_checks.py` | the memory entries that an access token depends on |
| `json_values.py` | comparison of JSON values (RFC 8259 section 3) |
| `passwords.py` | Argon2id hashes of passwords and human-chosen secrets |
| `bounded_cache.py` | a cache of results under digests of their inputs |
| `digests.py` | short digests of client ids and redirect URIs |
| `limits.py` | the longest URL |
| `ports.py` | interfaces that the wiring implements: users, other parties' keys, hooks, counting of attempts |
"""
