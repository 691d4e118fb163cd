"""The grants (RFC 6749 section 1.3). A grant turns a token request into a `Plan` (plan.py) and changes nothing.

A grant awaits only the ports (users, other issuers' keys). decisions/token/settle.py carries out the plan.

| grant type         | checks, in order                                                      | file                  |
|--------------------|-----------------------------------------------------------------------|-----------------------|
| authorization_code | code, client, redirect_uri (still registered), PKCE                   | authorization_code.py |
|                    | key (`cnf`), rights of today, resource, scope, authorization_details  | plan_for_code.py      |
| client_credentials | confidential client, resource and scope                               | client_credentials.py |
| password           | resource and scope, user name and password, user id                   | password.py           |
| refresh_token      | refresh token, client, key, rights of today, resource, scope, details | refresh_token.py      |
| device_code        | device code, client, expiry, polling interval, the person's answer    | device_code.py        |
|                    | key, rights of today, resource, scope, authorization_details          | plan_for_code.py      |
| jwt-bearer         | assertion: issuer, use, client, signature, aud, times, key, subject   | issuers.py            |
|                    | client and limits of an ID-JAG, `jti`, resource, scope                | jwt_bearer.py         |
| token-exchange     | a rule for the client, requested_token_type                           | token_exchange.py     |
|                    | subject token and actor token                                         | exchange_party.py     |
|                    | may_act, rule for the subject, resource and audience, scope           | token_exchange.py     |

clients/rights.py checks the rights of today: an earlier grant never exceeds the current registration of the client.

plan.py defines the request and the plan. A new grant is one file and one line in `GRANTS`.
"""

from service.grants.authorization_code import authorization_code
from service.grants.client_credentials import client_credentials
from service.grants.device_code import device_code
from service.grants.jwt_bearer import jwt_bearer
from service.grants.password import password
from service.grants.plan import GrantFunction, GrantRequest, Plan
from service.grants.refresh_token import refresh_token
from service.grants.token_exchange import token_exchange

GRANTS: dict[str, GrantFunction] = {
    "authorization_code": authorization_code,
    "client_credentials": client_credentials,
    "password": password,
    "refresh_token": refresh_token,
    "urn:ietf:params:oauth:grant-type:device_code": device_code,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": jwt_bearer,
    "urn:ietf:params:oauth:grant-type:token-exchange": token_exchange,
}

__all__ = ["GRANTS", "GrantFunction", "GrantRequest", "Plan"]
