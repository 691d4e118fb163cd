"""Path validation: whether a configured authority issued a client certificate (RFC 5280 section 6)."""

from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from service.bags.errors import BadBag

MAX_PATH = 8
"""The most certificates between the client's and the authority's."""


class Authorities:
    """The certificates of the configured authorities, which need not be self-signed."""

    def __init__(self, pem: str) -> None:
        """Take the authorities in a PEM text.

        Raises:
            BadBag: the text has no certificates, or a certificate that is not an authority's.
        """
        try:
            certificates = x509.load_pem_x509_certificates(pem.encode())
            for certificate in certificates:
                if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
                    raise BadBag("has a certificate that is not an authority's")
            self._store = Store(certificates)
        except x509.ExtensionNotFound:
            raise BadBag("has a certificate that is not an authority's") from None
        except ValueError:
            raise BadBag("is not PEM certificates") from None

    def check(self, der: bytes, path: Iterable[bytes], at: float) -> None:
        """Check that a chain leads from `der` through certificates of `path` (DER) to an authority, at `at` (seconds).

        Raises:
            BadBag: it does not.
        """
        path = tuple(path)
        if len(path) > MAX_PATH:
            raise BadBag("certificate path is too long")
        builder = PolicyBuilder().store(self._store).time(datetime.fromtimestamp(at, UTC))
        verifier = builder.extension_policies(ca_policy=_AUTHORITY, ee_policy=_CLIENT).build_client_verifier()
        try:
            client = x509.load_der_x509_certificate(der)
            verifier.verify(client, [x509.load_der_x509_certificate(each) for each in path])
        except VerificationError:
            raise BadBag("no authority stands behind the certificate") from None
        except Exception:  # untrusted input: the library raises many kinds of exceptions
            raise BadBag("not a certificate path that can be read") from None


def _signs_certificates(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError


def _is_for_clients(policy: Policy, certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    allowed = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and allowed.isdisjoint(usage):
        raise ValueError


# The library's defaults are those of web servers. Private authorities often leave out what RFC 5280 leaves to them, and
# a client's certificate may name its client in the subject alone.
_AUTHORITY = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_clients)
)
_CLIENT = ExtensionPolicy.permit_all().may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_clients)
