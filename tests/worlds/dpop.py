"""Proofs of possession (RFC 9449) as the tests make them."""

import json
from typing import Any

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWSCore

from service.bags.ids import fresh_id
from tests.worlds.identifiers import ISSUER


class Holder:
    """Somebody who holds a DPoP key (RFC 9449)."""

    def __init__(self, **parameters: Any) -> None:
        self.key = JWK.generate(**parameters or {"kty": "EC", "crv": "P-256"})
        self.jkt = str(self.key.thumbprint())

    def proof(
        self,
        now: float,
        url: str = ISSUER + "/token",
        alg: str = "ES256",
        header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A proof for a POST to `url`; a claim that is given as None is left out."""
        public = self.key.export_public(as_dict=True) if self.key.has_public else {}
        protected = {"typ": "dpop+jwt", "alg": alg, "jwk": public, **(header or {})}
        said = {"jti": fresh_id(), "htm": "POST", "htu": url, "iat": int(now), **claims}
        payload = json.dumps({name: value for name, value in said.items() if value is not None})
        signed = JWSCore(alg, self.key, json.dumps(protected), payload, [alg]).sign()
        return f"{signed['protected']}.{signed['payload'].decode()}.{signed['signature']}"
