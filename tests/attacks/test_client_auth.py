"""Attacks 53, 55 to 61 and 68: on client authentication (Basic itself, 54, is elsewhere).

A refusal shows in the answer only that it is one: the same bytes for all. The log's reason is asserted, so that each
attack fails for what it does and not by the way.
"""

import asyncio
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.decisions.form_request import FormRequest
from service.decisions.token.decide import decide_token
from service.memory import Memory, MemorySettings, open_memory
from service.protocol import passwords
from service.protocol.one_time_id import replay_id
from service.web.remote_keys import HttpRemoteKeys
from tests.worlds.certificates import certificate, escaped_pem, rfc9440
from tests.worlds.client_proofs import (
    EC_KEY,
    HEAD,
    HMAC_SECRET,
    JWKS,
    KEYS,
    assertion,
    claims,
    client_toml,
    form,
    public_jwk,
)
from tests.worlds.gunicorn import Running
from tests.worlds.http import Answer, basic, form_bytes
from tests.worlds.identifiers import ISSUER
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.watched_memory import Watched

SECRETS = [{"sha256": sha256(b"right").hexdigest()}]
CLIENTS = (
    client_toml("basic", "client_secret_basic", secrets=SECRETS)
    + client_toml("post", "client_secret_post", secrets=SECRETS)
    + client_toml("mac", "client_secret_jwt", hmac_secret=HMAC_SECRET, secrets=SECRETS)
    + client_toml("signer", "private_key_jwt", jwks=JWKS, secrets=SECRETS, hmac_secret=HMAC_SECRET)
    + client_toml("signer2", "private_key_jwt", jwks=JWKS)
    + client_toml("elsewhere", "private_key_jwt", jwks_uri="https://keys.example.com/jwks")
    + client_toml("tls", "tls_client_auth", tls_client_auth_san_dns="tls.example", jwks=JWKS, secrets=SECRETS)
    + client_toml("self", "self_signed_tls_client_auth", jwks=JWKS, secrets=SECRETS)
    + client_toml("bound", "client_secret_basic", secrets=SECRETS, tls_client_certificate_bound_access_tokens=True)
    + client_toml("spa", "none", grants=["authorization_code"], redirect_uris=["https://spa.example.com/"])
)
PROXIES = '\n[proxies]\ntrusted = ["10.0.0.0/8"]\ncertificate_header = "rfc9440"\n'
DER = certificate(dns="tls.example")
PROXY = "10.1.2.3"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("client_auth"), HEAD + PROXIES + CLIENTS)


@pytest.fixture
def satchel(served: Satchel) -> Satchel:
    served.now = float(NOW)
    served.lines.clear()
    return served


def ask(satchel: Satchel, header: dict[str, str] | None = None, client: str = "127.0.0.1", **more: Any) -> Answer:
    return satchel.post("/token", {"grant_type": "client_credentials", **more}, header, client=client)


def reason(satchel: Satchel) -> str:
    return str(satchel.log[-1]["reason"])


PROVED = {"wrong aud", "no jti", "no exp", "expired", "not yet valid", "lives too long", "issued in the future"}
"""Reasons that are found after the signature: whoever has the client's key may know them."""


def refused(satchel: Satchel, answer: Answer) -> str:
    """The log's reason for a refusal with the bytes of all others, unless the client is proved."""
    why = reason(satchel)
    if why in PROVED:
        assert answer.json()["error_description"].startswith("the assertion needs")
    else:
        assert answer == ask(satchel, basic("nobody", "wrong"))
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    return why


BASIC = basic("basic", "right")
MECHANISMS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "basic": (BASIC, {}),
    "bearer": ({"Authorization": "Bearer x"}, {}),
    "post": ({}, {"client_id": "post", "client_secret": "right"}),
    "private_key_jwt": ({}, form("signed")),
    "client_secret_jwt": ({}, form("made")),
    "half of an assertion": ({}, {"client_assertion": "x"}),
    "the other half": ({}, {"client_assertion_type": "x"}),
}


TOGETHER = [
    *product(("basic", "bearer"), ("post", "private_key_jwt", "client_secret_jwt", "half of an assertion")),
    *product(("basic", "bearer", "post"), ("half of an assertion", "the other half")),
    *product(("post",), ("private_key_jwt", "client_secret_jwt")),
]


@pytest.mark.parametrize(("one", "other"), TOGETHER)
def test_53_two_mechanisms_at_once(satchel: Satchel, one: str, other: str) -> None:
    (header, body), (header2, body2) = MECHANISMS[one], MECHANISMS[other]
    fresh = {"signed": assertion("signer"), "made": assertion("mac", "HS256")}
    sent = {name: fresh.get(value, value) for name, value in {**body, **body2}.items()}
    answer = ask(satchel, {**header, **header2}, **sent)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["basic", "post", "private_key_jwt", "client_secret_jwt"])
def test_53_each_of_them_alone_is_good(satchel: Satchel, name: str) -> None:
    header, body = MECHANISMS[name]
    fresh = {"signed": assertion("signer"), "made": assertion("mac", "HS256")}
    assert ask(satchel, header, **{key: fresh.get(value, value) for key, value in body.items()}).status == 200


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"iss": "signer2"}, {}),
        ({"sub": "signer2"}, {}),
        ({}, {"client_id": "signer2"}),
        ({"iss": "signer2", "sub": "signer2"}, {"client_id": "signer"}),
        ({"iss": "signer2"}, {"client_id": "signer2"}),
        ({"sub": "signer2"}, {"client_id": "signer"}),
    ],
)
def test_53_client_id_iss_and_sub_are_one(satchel: Satchel, changes: dict[str, Any], more: dict[str, str]) -> None:
    """The two clients have the same key, so that the signature alone would not tell them apart."""
    why = refused(satchel, satchel.post("/token", form(assertion("signer", **changes), **more)))
    assert why in {"wrong iss", "client_id differs from sub"}


PROOFS = {
    "client_secret_basic": lambda client_id: (basic(client_id, "right"), {}),
    "client_secret_post": lambda client_id: ({}, {"client_id": client_id, "client_secret": "right"}),
    "client_secret_jwt": lambda client_id: ({}, form(assertion(client_id, "HS256"))),
    "private_key_jwt": lambda client_id: ({}, form(assertion(client_id))),
    "none": lambda client_id: ({}, {"client_id": client_id}),
    "certificate": lambda client_id: ({"Client-Cert": rfc9440(DER)}, {"client_id": client_id}),
}
REGISTERED = {
    "basic": "client_secret_basic",
    "post": "client_secret_post",
    "mac": "client_secret_jwt",
    "signer": "private_key_jwt",
    "tls": "certificate",
    "self": "certificate",
}


@pytest.mark.parametrize("client_id", REGISTERED)
@pytest.mark.parametrize("method", PROOFS)
def test_55_only_the_registered_method_opens(satchel: Satchel, client_id: str, method: str) -> None:
    """Whatever else of the client's is known: each of these would be right for a client of that method."""
    header, body = PROOFS[method](client_id)
    answer = ask(satchel, header, PROXY, **body)
    if method == REGISTERED[client_id]:
        assert answer.status == 200
    else:
        assert refused(satchel, answer).endswith("is not registered")


def test_55_a_public_key_is_no_secret(satchel: Satchel) -> None:
    """An HMAC keyed with what everybody can read: the key as PEM, DER and JWK."""
    public = EC_KEY.public_key()
    candidates = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        str(public_jwk(EC_KEY)).encode(),
    ]
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    for secret in candidates:
        head, body, _ = assertion("signer", "HS256").split(".")
        mac = jwt.utils.base64url_encode(algorithm.sign(f"{head}.{body}".encode(), secret)).decode()
        why = refused(satchel, satchel.post("/token", form(f"{head}.{body}.{mac}")))
        assert why == "client_secret_jwt is not registered"


UNKNOWN_AND_WRONG = [
    (lambda who: (basic(who, "wrong"), {}), "basic"),
    (lambda who: ({}, {"client_id": who, "client_secret": "wrong"}), "post"),
    (lambda who: ({}, form(assertion(who, key=KEYS["EdDSA"], alg="EdDSA", header={"kid": "ec"}))), "signer"),
    (lambda who: ({}, form(assertion(who, "HS256", key="x" * 40))), "mac"),
    (lambda who: ({"Client-Cert": rfc9440(certificate())}, {"client_id": who}), "tls"),
    (lambda who: ({}, {"client_id": who}), "signer"),
]


@pytest.mark.parametrize(("make", "known"), UNKNOWN_AND_WRONG)
def test_56_an_unknown_client_and_a_wrong_proof_look_the_same(satchel: Satchel, make: Any, known: str) -> None:
    answers = []
    for who in (known, "nobody", "Basic", "basic ", "'; --", "é", "x" * 900):
        header, body = make(who)
        answers.append(ask(satchel, header, PROXY, **body))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].status == 401


@pytest.mark.slow
def test_56_and_take_the_same_time(tmp_path: Path) -> None:
    """Where a secret was chosen by a person, and so takes long to judge, everybody's wrong one takes as long."""
    chosen = client_toml("chosen", "client_secret_basic", secrets=[{"argon2id": passwords.hash("wonderland")}])
    satchel = Satchel(tmp_path, HEAD + chosen + client_toml("generated", "client_secret_basic", secrets=SECRETS))
    spent: dict[str, list[float]] = {"chosen": [], "nobody": [], "generated": []}
    for _ in range(9):  # in turn, so that whatever else the machine does falls on all
        for who, times in spent.items():
            started = time.perf_counter()
            assert ask(satchel, basic(who, "wrong")).status == 401
            times.append(time.perf_counter() - started)
    slow, unknown, other = (statistics.median(times) for times in spent.values())
    assert 0.5 < unknown / slow < 2
    assert 0.5 < unknown / other < 2
    started = time.perf_counter()
    assert ask(satchel, basic("generated", "right")).status == 200
    assert time.perf_counter() - started < slow / 3  # who is right with a generated one never pays


CHOSEN = Argon2id(salt=b"saltsalt", length=32, iterations=1, lanes=1, memory_cost=64).derive_phc_encoded(b"chosen")
GUESSED = """
[login]
failures_per_user = 3
failures_per_address = 6
"""


def guessed(tmp_path: Path, memory: Memory | None = None) -> Satchel:
    """A client with a secret that a person chose, and one with a generated one."""
    secret = {"argon2id": CHOSEN}
    chosen = client_toml("chosen", "client_secret_basic", "client_secret_post", secrets=[secret])
    generated = client_toml("generated", "client_secret_basic", secrets=SECRETS)
    return Satchel(tmp_path, HEAD + GUESSED + chosen + generated, memory)


def told(answer: Answer) -> tuple[int, str]:
    """Status and error."""
    return answer.status, answer.json().get("error", "")


def test_a_secret_that_somebody_chose_cannot_be_guessed_fast(tmp_path: Path) -> None:
    satchel = guessed(tmp_path)
    wrong, slow_down = (401, "invalid_client"), (400, "slow_down")
    seen = [told(ask(satchel, basic("chosen", f"guess {n}"))) for n in range(20)]
    # Three, and one more in each pause.
    assert seen == [wrong] * 4 + [slow_down] * 16
    assert told(ask(satchel, basic("chosen", "chosen"))) == slow_down
    satchel.now += 30
    assert told(ask(satchel, basic("chosen", "chosen"))) == (200, "")


@pytest.mark.parametrize("method", ["basic", "post"])
def test_whoever_was_right_before_is_not_kept_out(tmp_path: Path, method: str) -> None:
    satchel = guessed(tmp_path)

    def right() -> Answer:
        if method == "basic":
            return ask(satchel, basic("chosen", "chosen"))
        return ask(satchel, client_id="chosen", client_secret="chosen")

    assert right().status == 200
    for n in range(20):
        ask(satchel, basic("chosen", f"guess {n}"))
    assert right().status == 200
    assert ask(satchel, basic("generated", "right")).status == 200


def test_unknown_names_are_counted_by_address(tmp_path: Path) -> None:
    satchel = guessed(tmp_path)
    seen = [told(ask(satchel, basic(f"nobody {n}", "x"))) for n in range(20)]
    assert seen.count((401, "invalid_client")) == 7
    assert seen.count((400, "slow_down")) == 13
    assert ask(satchel, basic("generated", "right")).status == 200


def test_a_crowd_of_guesses_does_not_learn_which_was_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    satchel, matches = guessed(tmp_path), passwords._matches

    def later(phc: str, password: bytes) -> bool:
        time.sleep(0.3 if password == b"chosen" else 0)  # until the others have failed
        return matches(phc, password)

    monkeypatch.setattr(passwords, "_matches", later)

    async def burst() -> list[tuple[int, str]]:
        guesses = [f"guess {n}" for n in range(30)]
        guesses[20] = "chosen"
        body, context = form_bytes({"grant_type": "client_credentials"}), satchel.app.runtime.context
        headers = [basic("chosen", guess)["Authorization"] for guess in guesses]
        form_request = [FormRequest(body, header, address="203.0.113.9") for header in headers]
        decisions = await asyncio.gather(*[decide_token(context, one, satchel.now) for one in form_request])
        return [decision.error.code if decision.error else "" for decision in decisions]

    seen = asyncio.run(burst())
    assert seen[20] == "slow_down"
    assert seen.count("invalid_client") <= 3
    assert set(seen) <= {"invalid_client", "slow_down"}


def test_nobody_elses_failures_keep_a_client_out(tmp_path: Path) -> None:
    satchel = guessed(tmp_path)
    form = {"grant_type": "client_credentials"}
    for n in range(20):
        satchel.post("/token", form, basic("chosen", f"guess {n}"), client="203.0.113.66")
    assert satchel.post("/token", form, basic("chosen", "chosen"), client="198.51.100.7").status == 200


def test_a_client_needs_no_memory(tmp_path: Path) -> None:
    memory = Watched(open_memory(MemorySettings(path=str(tmp_path / "memory.sqlite"))))
    satchel = guessed(tmp_path, memory)
    memory.down = True
    assert ask(satchel, basic("chosen", "chosen")).status == 200
    assert ask(satchel, basic("chosen", "wrong")).status == 401
    assert ask(satchel, basic("nobody", "wrong")).status == 401


def test_without_such_secrets_nothing_is_counted(tmp_path: Path) -> None:
    generated = client_toml("generated", "client_secret_basic", secrets=SECRETS)
    satchel = Satchel(tmp_path, HEAD + GUESSED + generated)
    assert {told(ask(satchel, basic("generated", f"x{n}"))) for n in range(20)} == {(401, "invalid_client")}


AUDIENCES = [
    ISSUER + "/",
    ISSUER + "/token",
    ISSUER[:-1],
    ISSUER.upper(),
    ISSUER + ":443",
    ISSUER + ".evil.example",
    [ISSUER, "https://evil.example.com"],
    ["https://evil.example.com", ISSUER],
    [],
    "",
    "signer",
    "https://api.example.com",
]


@pytest.mark.parametrize("audience", AUDIENCES, ids=str)
@pytest.mark.parametrize(("client_id", "alg"), [("signer", "ES256"), ("mac", "HS256")])
def test_57_the_audience_is_the_issuer_alone(satchel: Satchel, client_id: str, alg: str, audience: Any) -> None:
    answer = satchel.post("/token", form(assertion(client_id, alg, aud=audience)))
    assert (answer.status, answer.json()["error"]) == (401, "invalid_client")
    assert answer.json()["error_description"] == "the assertion needs the issuer as its aud, alone"  # it has the key
    assert satchel.log[-1]["reason"] == "wrong aud"


def respelled(token: str) -> list[str]:
    """The same assertion in other clothes: each would be read as the same by a lenient reader."""
    head, body, signature = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(signature[-1]) ^ 1]
    return [
        token + "=",
        f"{head}.{body}.{signature}==",
        f"{head}.{body}.{signature[:-1]}{last}",
        token + "\t",
        token + " ",
    ]


def test_58_an_assertion_is_good_for_one_request(satchel: Satchel) -> None:
    token = assertion("signer", jti="once")
    assert satchel.post("/token", form(token)).status == 200
    for _ in range(3):
        assert refused(satchel, satchel.post("/token", form(token))) == "assertion replayed"
    again = assertion("signer", jti="once", exp=NOW + 120)  # another token with the same id
    assert refused(satchel, satchel.post("/token", form(again))) == "assertion replayed"
    for spelling in respelled(token):
        assert satchel.post("/token", form(spelling)).status in (400, 401)


def test_58_until_the_very_end(satchel: Satchel) -> None:
    """As long as it is accepted, it is remembered: the leeway included."""
    skew = satchel.config.keys.skew
    token = assertion("signer", exp=NOW + 10.5, iat=None)
    assert satchel.post("/token", form(token)).status == 200
    satchel.now = NOW + 10.5 + skew - 0.01
    assert refused(satchel, satchel.post("/token", form(token))) == "assertion replayed"
    satchel.now = NOW + 10.5 + skew
    assert refused(satchel, satchel.post("/token", form(token))) == "expired"


RACERS = 12
ASSERTIONS = 15


@pytest.fixture(scope="module")
def racing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    head = HEAD.replace(ISSUER, "http://127.0.0.1:{port}") + '\n[memory]\nkind = "embedded"\n'
    client = client_toml("signer", "private_key_jwt", jwks=JWKS)
    with Running(tmp_path_factory.mktemp("race"), head + client) as server:
        yield server


@pytest.mark.slow
def test_58_of_many_at_the_same_moment_one_wins(racing: Running) -> None:
    """Two workers, one embedded memory; each assertion is sent by all racers at once."""
    now = int(time.time())
    barrier = threading.Barrier(RACERS)

    def race(tokens: list[str]) -> list[int | str]:
        seen: list[int | str] = []
        for token in tokens:
            barrier.wait(60)
            try:
                seen.append(racing.post("/token", form(token)).status)
            except OSError as fault:  # told once the others, who wait for this one, have ended too
                seen.append(repr(fault))
        return seen

    tokens = [assertion("signer", aud=racing.url, iat=now, exp=now + 120) for _ in range(ASSERTIONS)]
    with ThreadPoolExecutor(RACERS) as pool:
        seen = list(pool.map(race, [tokens] * RACERS))
    for statuses in zip(*seen, strict=True):
        assert Counter(statuses) == {200: 1, 401: RACERS - 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ISSUER + "/token"},
        {"iss": "signer2"},
        {"exp": NOW - 100},
        {"exp": NOW + 3600},
        {"nbf": NOW + 100},
        {"key": KEYS["EdDSA"], "alg": "EdDSA", "header": {"kid": "rsa"}},
    ],
)
def test_59_what_is_refused_burns_nothing(satchel: Satchel, changes: dict[str, Any]) -> None:
    """Nobody who sees or guesses a jti can use it up."""
    good = claims("signer")
    refused(satchel, satchel.post("/token", form(assertion("signer", **{"jti": good["jti"], **changes}))))
    token = jwt.encode(good, EC_KEY, "ES256", {"kid": "ec"})
    assert satchel.post("/token", form(token)).status == 200


@pytest.mark.parametrize("more", [{"scope": "read write"}, {"resource": "https://x.example"}, {"grant_type": "x"}])
def test_59_nor_does_a_request_that_fails_for_another_reason(satchel: Satchel, more: dict[str, str]) -> None:
    token = assertion("signer")
    assert satchel.post("/token", {**form(token), **more}).status == 400
    assert satchel.post("/token", form(token)).status == 200


PAIRS = [
    ("a", "b:c"),
    ("a:b", "c"),
    ("a", 'b","c'),
    ('a","b', "c"),
    ("a|b", "c"),
    ("a", "b|c"),
    ("a\0", "b"),
    ("a", "\0b"),
]


def test_60_no_choice_of_jti_imitates_another_client(satchel: Satchel) -> None:
    ids = {replay_id("assertion", iss, jti) for iss, jti in PAIRS}
    assert len(ids) == len(PAIRS)
    assert all(":" in name and name.startswith("assertion:[") for name in ids)


def test_60_the_same_jti_of_two_clients_is_two(satchel: Satchel) -> None:
    for client_id in ("signer", "signer2"):
        assert satchel.post("/token", form(assertion(client_id, jti="shared"))).status == 200
    for client_id in ("signer", "signer2"):
        assert satchel.post("/token", form(assertion(client_id, jti="shared"))).status == 401


def test_60_the_memory_holds_no_jti_to_be_read(served: Satchel) -> None:
    served.post("/token", form(assertion("signer", jti="to-be-found-nowhere")))
    stored = b"".join(path.read_bytes() for path in Path(served.config.memory.path).parent.glob("memory*"))
    assert stored
    assert b"to-be-found-nowhere" not in stored


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": None}, "no exp"),
        ({"exp": None, "iat": None}, "no exp"),
        ({"exp": NOW + 301}, "lives too long"),
        ({"iat": NOW - 250, "exp": NOW + 51}, "lives too long"),
        ({"iat": NOW - 3000, "exp": NOW + 60}, "lives too long"),
        ({"iat": None, "exp": NOW + 361}, "lives too long"),
        ({"iat": NOW + 60, "exp": NOW + 361}, "lives too long"),
        ({"exp": 2**52}, "lives too long"),
        ({"exp": 2**53}, "exp is not a sane number"),
        ({"exp": str(NOW + 60)}, "exp is not a sane number"),
        ({"exp": True}, "exp is not a sane number"),
        ({"exp": [NOW + 60]}, "exp is not a sane number"),
        ({"iat": str(NOW)}, "iat is not a sane number"),
        ({"nbf": {}}, "nbf is not a sane number"),
    ],
)
def test_61_at_most_five_minutes(satchel: Satchel, changes: dict[str, Any], why: str) -> None:
    whole = {**claims("signer"), **changes}
    body = {name: value for name, value in whole.items() if value is not None}
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    parts = [
        jwt.utils.base64url_encode(jwt.api_jwt.json.dumps(part).encode())
        for part in ({"alg": "ES256", "kid": "ec"}, body)
    ]
    signing_input = b".".join(parts)
    signature = jwt.utils.base64url_encode(algorithm.sign(signing_input, EC_KEY))
    token = (signing_input + b"." + signature).decode()
    assert refused(satchel, satchel.post("/token", form(token))) == why


def test_no_request_for_keys_before_the_assertion_could_be_good(
    satchel: Satchel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alg that no key could have made does not send us out."""
    asked: list[str] = []

    async def keys(self: HttpRemoteKeys, uri: str, kid: str | None) -> Any:
        asked.append(uri)
        raise AssertionError

    monkeypatch.setattr(HttpRemoteKeys, "keys", keys)
    _, body, signature = assertion("elsewhere").split(".")
    for alg in ("none", "ES256K", "HS256", "", "RSA1_5"):
        head = jwt.utils.base64url_encode(f'{{"alg":"{alg}"}}'.encode()).decode()
        refused(satchel, satchel.post("/token", form(f"{head}.{body}.{signature}")))
    assert asked == []


FORGED = [
    ("Client-Cert", rfc9440(DER)),
    ("Client_Cert", rfc9440(DER)),
    ("X-SSL-Client-Cert", escaped_pem(DER)),
    ("X-Forwarded-Client-Cert", f'Cert="{escaped_pem(DER)}"'),
    ("X-Client-Cert", rfc9440(DER)),
    ("Client-Cert", "malformed"),
    ("Forwarded", "for=10.1.2.3"),
    ("X-Forwarded-For", "10.1.2.3"),
]


@pytest.mark.parametrize(("name", "value"), FORGED)
@pytest.mark.parametrize("client_id", ["tls", "self"])
def test_68_nobody_but_a_proxy_speaks_for_a_certificate(
    satchel: Satchel, client_id: str, name: str, value: str
) -> None:
    for peer in ("127.0.0.1", "11.0.0.1", "::1", "192.0.2.1"):
        answer = ask(satchel, {"X-Forwarded-For": PROXY, name: value}, peer, client_id=client_id)
        assert refused(satchel, answer) == "none is not registered"
    assert ask(satchel, {"Client-Cert": rfc9440(DER)}, PROXY, client_id=client_id).status == 200


@pytest.mark.parametrize("name", ["Client_Cert", "X-SSL-Client-Cert", "client-cert-chain"])
def test_68_through_a_proxy_only_the_configured_header_counts(satchel: Satchel, name: str) -> None:
    assert refused(satchel, ask(satchel, {name: rfc9440(DER)}, PROXY, client_id="tls")) == "none is not registered"


def test_68_beside_the_proxys_own_header_a_second_one_is_refused(satchel: Satchel) -> None:
    forged = rfc9440(certificate(dns="other.example"))
    body = b"grant_type=client_credentials&client_id=tls"
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Client-Cert", forged)]
    twice = satchel.request("POST", "/token", body, [*headers, ("Client-Cert", rfc9440(DER))], client=PROXY)
    assert (twice.status, twice.json()["error"]) == (400, "invalid_request")
    twin = satchel.request(
        "POST", "/token", body, [*headers[:1], ("Client_Cert", forged), ("Client-Cert", rfc9440(DER))], client=PROXY
    )
    assert twin.status == 200


def test_68_a_malformed_header_of_a_proxy_is_no_missing_one(satchel: Satchel) -> None:
    answer = ask(satchel, {"Client-Cert": "malformed", **basic("bound", "right")}, PROXY)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_68_nor_are_tokens_bound_to_a_forged_certificate(satchel: Satchel) -> None:
    header = {"Client-Cert": rfc9440(DER), **basic("bound", "right")}
    assert ask(satchel, header, "192.0.2.1").json()["error"] == "invalid_request"
    token = ask(satchel, header, PROXY).json()["access_token"]
    bound = jwt.decode(token, options={"verify_signature": False})["cnf"]["x5t#S256"]
    assert bound == jwt.utils.base64url_encode(sha256(DER).digest()).decode()


def test_nothing_of_a_proof_is_in_the_log(satchel: Satchel) -> None:
    token = assertion("signer")
    satchel.post("/token", form(token))
    satchel.post("/token", form(token))
    ask(satchel, basic("basic", "hush-hush"))
    ask(satchel, client_id="post", client_secret="hush-hush")
    ask(satchel, {"Client-Cert": rfc9440(DER)}, PROXY, client_id="tls")
    text = b"".join(satchel.lines)
    for secret in (
        b"hush-hush",
        *[part.encode() for part in token.split(".")],
        rfc9440(DER).encode(),
        HMAC_SECRET.encode(),
    ):
        assert secret not in text
