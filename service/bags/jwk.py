"""Public keys of other parties: satchel_jose reads them, jwcrypto imports them and computes their thumbprints."""

from typing import Any

from jwcrypto.common import JWException
from jwcrypto.jwk import JWK

from satchel_jose import jwk as strict
from satchel_jose.algorithm import KeyKind
from satchel_jose.jwk import PublicKey


def read_public_jwk(jwk: object) -> PublicKey | None:
    """Return the public key of a JWK; None if its kind is not used here. Raises BadBag if the key is invalid."""
    return strict.read_public_jwk(jwk, _import)


def read_verification_key(jwk: object) -> PublicKey | None:
    """Return the public key of a JWK that verifies signatures; None if its use or kind is another.

    Raises BadBag if it is unsound, or its alg contradicts its kind.
    """
    return strict.read_verification_key(jwk, _import)


def _import(kind: KeyKind, members: dict[str, str]) -> tuple[Any, str]:
    try:
        imported: Any = JWK(**members)  # type: ignore[no-untyped-call]
        return imported.get_op_key("verify"), imported.thumbprint()
    except (JWException, TypeError):
        raise ValueError from None
