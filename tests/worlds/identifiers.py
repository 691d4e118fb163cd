"""The issuer and the resource servers of the tests."""

ISSUER = "https://as.example.com"
API, BILLING, VAULT, SEALED = (f"https://{name}.example.com" for name in ("api", "billing", "vault", "sealed"))
