"""The services that the tests drive, and the parties around them.

| module | what it holds |
|---|---|
| identifiers | the issuer and the resource servers |
| http | credentials, forms, responses |
| demo | demo.toml and the credentials that stand in it |
| satchel | Satchel in this process: the ASGI callable, with a clock that stands still |
| quick | keys and templates that services in this process share |
| gunicorn | Satchel behind gunicorn |
| ports | free ports of loopback |
| programs | other people's programs, and the marks of the tests that start them |
| refresh_chains | codes and refresh tokens, with one client of each sort |
| openid | OpenID Connect: ID tokens, userinfo, logout |
| devices | the device flow, people and a login application |
| authorization_requests | /authorize and /par, with one client of each sort |
| built_in_pages | login and consent pages, and the browsers that visit them |
| decision_api | the decision API and its callers |
| token_formats | every algorithm and every token format |
| introspection | one resource server for each token format |
| operator_object | an operator's own hooks |
| watched_memory | a memory that fails when it is told to |
| redis_servers | real Redis servers |
| issuers | other issuers (RFC 7523, RFC 8693), and access tokens made to measure |
| client_proofs | client assertions (RFC 7523) |
| certificates | certificate authorities and client certificates |
| dpop | DPoP keys and proofs (RFC 9449) |
| pkce | code verifier and challenge (RFC 7636) |
| person | a person with an HTTP client for a browser |
| audiences | a registry of resource servers |
| toml | the builder of configurations |
| bags | keys, rings and one bag of each kind |
"""
