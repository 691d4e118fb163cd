"""The usual bags of the tests, with keys and times that are good now (PyJWT asks the clock of its own)."""

import time

from service.bags.kinds import AccessToken, AuthorizationCode, RefreshToken
from tests.worlds import bags as samples

NOW = time.time()
_ISSUED = int(NOW)
_INSTANTS = {"created": 0, "activates": 0, "retires": _ISSUED + 86_400, "expires": _ISSUED + 2 * 86_400}

SIGNER = samples.signing_key(**_INSTANTS)
SEALER = samples.bag_key(**_INSTANTS)
SNAPSHOT = samples.snapshot(SIGNER, SEALER)

ACCESS_TOKEN: AccessToken = samples.access_token(iat=_ISSUED, exp=_ISSUED + 600)
CODE: AuthorizationCode = samples.authorization_code()
REFRESH_TOKEN: RefreshToken = samples.refresh_token()
