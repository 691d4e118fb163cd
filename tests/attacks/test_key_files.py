"""Attacks on the directory of keys: 36 (weak keys at rest), 90 (key files), 92 (rotations at once), 94, 95 (clocks)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwcrypto.jwk import JWK

import keys.files
from keys import KeyPair, KeyStore, KeyStoreError, NoActiveKey, Policy, Ring, SealingKey, jwks, revoke, rotate
from keys.files import refusal

START = 1_800_000_000
DAY = 86_400
POLICY = Policy()
RING = rotate(Ring(), POLICY, START)
MASTER = bytes(range(32))


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    (tmp_path / "keys").mkdir(mode=0o700)
    store = KeyStore(tmp_path / "keys")
    store.save(RING)
    return store


def victim(store: KeyStore) -> Path:
    return sorted(store.directory.glob("*.j*"))[0]


def refused(store: KeyStore, path: Path, reason: str) -> None:
    with pytest.raises(KeyStoreError, match=reason) as refusal:
        store.load()
    assert refusal.value.path == path
    assert str(path) in str(refusal.value)
    for key in RING.keys:
        assert not any(value in str(refusal.value) for value in key.secret_jwk().values() if len(value) > 8)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o620, 0o610, 0o640, 0o660, 0o666, 0o777, 0o644])
def test_90_key_file_with_a_wrong_mode(store: KeyStore, mode: int) -> None:
    victim(store).chmod(mode)
    refused(store, victim(store), f"mode {mode:04o}")


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o770, 0o720, 0o701, 0o1777])
def test_90_directory_with_a_wrong_mode(store: KeyStore, mode: int) -> None:
    store.directory.chmod(mode)
    refused(store, store.directory, f"mode {mode:04o}")
    with pytest.raises(KeyStoreError), store.lock():
        pass
    with pytest.raises(KeyStoreError):
        store.save(RING)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_90_strict_modes_are_accepted(store: KeyStore, mode: int) -> None:
    victim(store).chmod(mode)
    assert store.load() == RING


def status(mode: int, uid: int) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, uid, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "owner", "uid", "trusted"),
    [
        (0o100600, 1000, 1000, True),
        (0o100600, 0, 0, True),
        (0o100400, 0, 1000, True),
        (0o100440, 0, 1000, True),  # Kubernetes fsGroup, systemd credential
        (0o100640, 0, 1000, True),
        (0o100440, 1000, 1000, False),
        (0o100440, 0, 0, False),
        (0o100460, 0, 1000, False),
        (0o100444, 0, 1000, False),
        (0o100600, 1001, 1000, False),
        (0o100600, 1000, 0, False),
        (0o040700, 1000, 1000, True),
        (0o040500, 0, 1000, True),
        (0o040550, 0, 1000, True),
        (0o040750, 1000, 1000, True),
        (0o040770, 1000, 1000, False),
        (0o041777, 0, 1000, False),
        (0o040700, 1001, 1000, False),
    ],
)
def test_90_who_is_trusted(mode: int, owner: int, uid: int, trusted: bool) -> None:
    assert (refusal(status(mode, owner), uid) is None) is trusted


def test_90_key_file_of_a_foreign_owner(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fstat = os.fstat

    def foreign(descriptor: int) -> os.stat_result:
        return status(fstat(descriptor).st_mode, os.geteuid() + 4_321)

    monkeypatch.setattr(os, "fstat", foreign)
    refused(store, victim(store), f"owned by uid {os.geteuid() + 4_321}")


def test_90_a_directory_on_a_read_only_mount_may_have_any_mode(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.directory.chmod(0o1777)
    statvfs = os.statvfs(store.directory)
    fields = list(statvfs)
    fields[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    assert store.load() == RING
    victim(store).chmod(0o644)
    refused(store, victim(store), "mode 0644")


def test_90_symlink_out_of_the_directory(store: KeyStore, tmp_path: Path) -> None:
    path = victim(store)
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    refused(store, path, "leads out of")
    path.unlink()
    path.symlink_to(Path("..") / "elsewhere.json")
    refused(store, path, "leads out of")


def test_90_symlink_loop_and_dangling_symlink(store: KeyStore) -> None:
    path = victim(store)
    path.unlink()
    path.symlink_to(path.name)
    refused(store, path, "cannot be used")
    path.unlink()
    path.symlink_to("nothing.here")
    refused(store, path, "No such file")


def test_90_symlinks_inside_as_kubernetes_mounts_them(store: KeyStore) -> None:
    first = store.directory / "..2027_01_15"
    first.mkdir(mode=0o755)
    (store.directory / "..data").symlink_to(first.name)
    for path in list(store.directory.glob("*.json")):
        path.rename(first / path.name)
        path.symlink_to(Path("..data") / path.name)
    assert store.load() == RING
    stamp = store.stamp()
    second = store.directory / "..2027_01_16"
    first.rename(second)
    refused(store, victim(store), "No such file")
    (store.directory / "..new").symlink_to(second.name)
    (store.directory / "..new").replace(store.directory / "..data")
    assert store.load() == RING
    (second / victim(store).name).chmod(0o640)
    assert store.stamp() != stamp
    refused(store, victim(store), "mode 0640")


def test_90_not_a_regular_file(store: KeyStore) -> None:
    path = victim(store)
    path.unlink()
    os.mkfifo(path, 0o600)
    refused(store, path, "not a regular file")
    path.unlink()
    path.mkdir()
    refused(store, path, "not a regular file|cannot be used")


def test_90_huge_file(store: KeyStore) -> None:
    victim(store).write_bytes(b" " * 70_000)
    refused(store, victim(store), "larger than 65536 bytes")


def test_90_torn_file(store: KeyStore) -> None:
    content = victim(store).read_bytes()
    for length in range(len(content)):
        victim(store).write_bytes(content[:length])
        refused(store, victim(store), "is incomplete")


def changed(**members: object) -> Callable[[dict[str, object]], dict[str, object]]:
    return lambda document: {**document, **members}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed(kid="270115-zzzzzz"), "another kid"),
        (changed(kid="../up"), "has a kid"),
        (changed(purpose="client"), "unknown purpose"),
        (changed(purpose="bag"), "holds no key"),
        (changed(alg="none"), "unknown alg"),
        (changed(alg="ES384"), "too weak or of the wrong kind"),
        (changed(created="now"), "incomplete or not a key file"),
        (changed(created=1e400), "incomplete or not a key file"),
        (changed(expires=0), "does not keep created"),
        (changed(expires=10**18), "does not keep created"),
        (changed(retires=True), "incomplete or not a key file"),
        (changed(comment="x"), "incomplete or not a key file"),
        (changed(jwk={}), "has no valid key"),
        (changed(jwk={"kty": "oct", "k": "A" * 43}), "too weak or of the wrong kind|has no valid key"),
        (changed(jwk=KeyPair.generate("ES384").jwk), "too weak or of the wrong kind"),
        (lambda document: {}, "incomplete or not a key file"),
        (lambda document: {"keys": [document]}, "incomplete or not a key file"),
    ],
)
def test_90_document_that_is_no_key(
    store: KeyStore, change: Callable[[dict[str, object]], dict[str, object]], reason: str
) -> None:
    path = store.directory / f"{RING.signer('ES256', START).kid}.json"
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(change(document)))
    refused(store, path, reason)


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"\xff\xfe", b"[" * 60_000, b'{"kid": "\xff"}', b"\0" * 400])
def test_90_garbage(store: KeyStore, content: bytes) -> None:
    victim(store).write_bytes(content)
    refused(store, victim(store), "incomplete or not a key file")


def test_36_weak_rsa_key_at_rest(store: KeyStore) -> None:
    path = store.directory / f"{RING.signer('ES256', START).kid}.json"
    jwk = JWK.from_pyca(rsa.generate_private_key(65537, 1024)).export(as_dict=True)
    del jwk["kid"]
    document = {**json.loads(path.read_bytes()), "alg": "RS256", "jwk": jwk}
    path.write_text(json.dumps(document))
    refused(store, path, "too weak")


def test_90_tampered_wrapped_file(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    store = KeyStore(tmp_path / "keys", MASTER)
    store.save(RING)
    path = victim(store)
    content = path.read_bytes()
    for at in range(0, len(content), 3):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x05]) + content[at + 1 :])
        refused(store, path, "cannot be decrypted with the master key")
    for wrong in (b"", b"....", content[:-1], content + b"AAAA", b"{}", b"\xff" * 100, content.replace(b".", b"", 1)):
        path.write_bytes(wrong)
        refused(store, path, "cannot be decrypted with the master key")


def test_90_one_wrapped_key_in_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    store = KeyStore(tmp_path / "keys", MASTER)
    store.save(RING)
    one, other = sorted(store.directory.glob("*.jwe"))[:2]
    one.write_bytes(other.read_bytes())
    refused(store, one, "another kid")


def test_90_a_plain_key_planted_beside_a_master_key(tmp_path: Path, store: KeyStore) -> None:
    (tmp_path / "wrapped").mkdir(mode=0o700)
    wrapped = KeyStore(tmp_path / "wrapped", MASTER)
    wrapped.save(RING)
    planted = wrapped.directory / "270115-planted.json"
    keys.files.write_secret(planted, victim(store).read_bytes())
    refused(wrapped, planted, "is not encrypted")


ROTATE = """
import sys, pathlib
from keys import KeyStore, Policy, rotate
store = KeyStore(pathlib.Path(sys.argv[1]))
for step in range(6):
    with store.lock():
        store.save(rotate(store.load(), Policy(), int(sys.argv[2]) + step * 86_400 * 3, force=True))
"""


@pytest.mark.slow
def test_92_two_rotations_at_once(store: KeyStore) -> None:
    """Two processes race to force the same six rotations while we read: every ring we see is whole, and the second to
    come to a step finds nothing left to do."""
    now = START + 10 * DAY
    command = [sys.executable, "-c", ROTATE, str(store.directory), str(now)]
    rotations = [subprocess.Popen(command) for _ in range(2)]
    stamps = set()
    while any(rotation.poll() is None for rotation in rotations):
        ring = store.load()
        for purpose in ("sig", "bag"):
            line = sorted((key for key in ring.keys if key.purpose == purpose), key=lambda key: key.activates)
            assert line[-1].activates > now
            ends = [key.retires for key in line if key.usable]
            assert ends == sorted(ends)
        stamps.add(store.stamp())
    assert [rotation.wait() for rotation in rotations] == [0, 0]
    assert len(stamps) > 1
    end = now + 15 * DAY
    states = [key.state(end) for key in store.load().keys]
    assert states.count("active") == 2
    assert (
        states.count("standby") >= 2
    )  # a step that is forced twice brings the fresh standby forward, and stages another
    assert not list(store.directory.glob(".*.tmp"))


DIE = """
import os, signal, sys, pathlib
import keys.files
from keys import KeyStore, Policy, revoke, rotate

left = int(sys.argv[3])
def dying(call):
    def wrapped(*arguments, **options):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(*arguments, **options)
    return wrapped
for name in ("replace", "unlink"):
    setattr(pathlib.Path, name, dying(getattr(pathlib.Path, name)))
os.fsync = dying(os.fsync)

store = KeyStore(pathlib.Path(sys.argv[1]))
now = int(sys.argv[2])
with store.lock():
    ring = store.load()
    if sys.argv[4] == "revoke":
        ring = revoke(ring, ring.signer("ES256", now).kid, Policy(), now)
    else:
        ring = rotate(ring, Policy(), now, force=sys.argv[4] == "force")
    store.save(ring)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "now"), [("force", START + 10 * DAY), ("revoke", START + 10 * DAY), ("rotate", START + 91 * DAY)]
)
def test_92_a_writer_killed_at_any_step(store: KeyStore, action: str, now: int) -> None:
    """kill -9 before each step of a save: the ring loads, signs and seals, and the next rotation heals it."""
    start = {path: path.read_bytes() for path in store.directory.glob("*.json")}
    step, killed = 0, 0
    while True:
        for path in store.directory.iterdir():
            path.unlink()
        for path, content in start.items():
            keys.files.write_secret(path, content)
        command = [sys.executable, "-c", DIE, str(store.directory), str(now), str(step), action]
        code = subprocess.run(command, check=False).returncode
        ring = store.load()
        assert ring.signer("ES256", now).usable
        assert ring.sealer(now).usable
        with store.lock():
            healed = rotate(ring, POLICY, now)
            store.save(healed)
        assert store.load() == healed
        assert [key.state(now) for key in healed.keys].count("active") == 2
        assert "standby" in [key.state(now) for key in healed.keys if key.purpose == "sig"]
        assert not list(store.directory.glob(".*.tmp"))
        if code == 0:
            break
        assert code == -9
        killed += 1
        step += 1
    assert killed > 5


@pytest.mark.slow
def test_92_first_keys_killed_at_any_step(tmp_path: Path) -> None:
    for step in range(0, 16, 3):
        directory = tmp_path / str(step)
        command = [sys.executable, "-c", DIE, str(directory), str(START), str(step), "rotate"]
        subprocess.run(command, check=False)
        store = KeyStore(directory)
        with store.lock():
            ring = rotate(store.load(), POLICY, START)
            store.save(ring)
        assert store.load().signer("ES256", START)
        assert [key.state(START) for key in ring.keys].count("active") == 2


def test_94_a_retired_kid_neither_signs_nor_seals_but_verifies() -> None:
    old, bag = RING.signer("ES256", START), RING.sealer(START)
    signature, wrapped = old.sign(b"x"), bag.wrap(b"k" * 32)
    now = old.retires + 600
    ring = rotate(RING, POLICY, now)
    assert ring.signer("ES256", now).kid != old.kid
    assert ring.sealer(now).kid != bag.kid
    kept = next(key for key in ring.published(now) if key.kid == old.kid)
    assert kept.verify(signature, b"x")
    assert not kept.can_sign
    assert old.kid in {key["kid"] for key in jwks(ring, now)["keys"]}
    still = ring.by_kid(bag.kid)
    assert isinstance(still, SealingKey)
    assert still.unwrap(wrapped) == b"k" * 32


def test_94_a_revoked_key_is_gone_from_the_directory_and_the_jwks(store: KeyStore) -> None:
    now = START + DAY
    kid = RING.signer("ES256", now).kid
    before = store.stamp()
    with store.lock():
        store.save(revoke(store.load(), kid, POLICY, now))
    assert store.stamp() != before
    ring = store.load()
    assert ring.by_kid(kid) is None
    assert kid not in json.dumps(jwks(ring, now))
    assert not [path for path in store.directory.iterdir() if kid in path.name]
    assert ring.signer("ES256", now).kid in {key["kid"] for key in jwks(ring, now)["keys"]}


@pytest.mark.parametrize("off", [-60, -1, 0, 1, 60])
@pytest.mark.parametrize("after", [0, 1, 10 * DAY, 90 * DAY - 61, 90 * DAY - 60, 90 * DAY, 90 * DAY + 5])
def test_95_clocks_a_minute_apart(off: int, after: int) -> None:
    now = START + after
    ring = rotate(RING, POLICY, now)
    signer = ring.signer("ES256", now + off)
    assert signer in ring.published(now)
    assert signer in ring.published(now - off)
    assert ring.sealer(now + off).expires > now + POLICY.bag_life


def test_95_a_step_back_of_an_hour() -> None:
    takeover = RING.signer("ES256", START).retires
    ring = rotate(RING, POLICY, takeover + 30)
    assert ring.signer("ES256", takeover - 3_600) in ring.published(takeover - 3_600)
    buried = rotate(RING, POLICY, takeover + 600)
    with pytest.raises(NoActiveKey):
        buried.signer("ES256", takeover - 3_000)
    healed = rotate(buried, POLICY, takeover - 3_000)
    assert healed.signer("ES256", takeover - 3_000) in healed.published(takeover - 3_000)
