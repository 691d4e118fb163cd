"""The grants: one file a grant, one line a grant in the table. A grant makes a plan of a request and changes
nothing; all it awaits are the ports (other parties' keys, users)."""

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
