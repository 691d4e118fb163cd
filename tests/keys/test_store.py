"""The directory of keys: round trips, wrapping, stamps, the lock."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jwcrypto.common import base64url_encode
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

import keys.files
import keys.store
from keys import KeyStore, KeyStoreError, Policy, Ring, read_master_key, rotate

START = 1_800_000_000
DAY = 86_400
POLICY = Policy()
EVERY_ALG = Policy(signing_algs=("ES256", "ES384", "EdDSA", "RS256", "PS256"))
RING = rotate(Ring(), EVERY_ALG, START)
SMALL = rotate(Ring(), POLICY, START)
MASTER = bytes(range(32))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.mkdir(mode=0o700)
    return path


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("master", [None, MASTER])
def test_round_trip(directory: Path, master: bytes | None) -> None:
    store = KeyStore(directory, master)
    store.save(RING)
    assert store.load() == RING
    suffix = "jwe" if master else "json"
    assert names(directory) == sorted(f"{key.kid}.{suffix}" for key in RING.keys)
    assert {path.stat().st_mode & 0o7777 for path in directory.iterdir()} == {0o600}
    buried = rotate(RING, EVERY_ALG, START + 90 * DAY + 3_600)
    store.save(buried)
    assert store.load() == buried
    assert sum(not key.usable for key in store.load().keys) == 5


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = KeyStore(tmp_path / "state" / "keys")
        with store.lock():
            store.save(SMALL)
    finally:
        os.umask(before)
    assert store.directory.stat().st_mode & 0o7777 == 0o700
    assert {path.stat().st_mode & 0o7777 for path in store.directory.iterdir()} == {0o600}


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "none")
    with pytest.raises(KeyStoreError, match="No such file") as refused:
        store.load()
    assert refused.value.path == tmp_path / "none"
    assert store.stamp() is None


def test_only_what_changed_is_written(directory: Path) -> None:
    store = KeyStore(directory, MASTER)
    store.save(SMALL)
    before = {path.name: path.stat().st_ino for path in directory.iterdir()}
    stamp = store.stamp()
    store.save(store.load())
    assert store.stamp() == stamp
    kept, removed = SMALL.keys[:-1], SMALL.keys[-1]
    store.save(Ring(kept))
    assert f"{removed.kid}.jwe" not in names(directory)
    assert all(before[f"{key.kid}.jwe"] == (directory / f"{key.kid}.jwe").stat().st_ino for key in kept)


def test_other_files_are_left_alone(directory: Path) -> None:
    (directory / "lost+found").mkdir()
    (directory / "README").write_text("ours")
    store = KeyStore(directory)
    store.save(SMALL)
    assert store.load() == SMALL
    assert {"lost+found", "README"} <= set(names(directory))


def test_what_a_killed_writer_left_is_removed(directory: Path) -> None:
    left = directory / ".270115-abcdef.json.0badf00d.tmp"
    left.write_text('{"kid"')
    store = KeyStore(directory)
    assert store.load() == Ring()
    store.save(SMALL)
    assert not left.exists()


def test_the_stamp_changes_with_content_mode_and_names(directory: Path) -> None:
    store = KeyStore(directory)
    stamps = {store.stamp()}
    store.save(SMALL)
    stamps.add(store.stamp())
    path = directory / f"{SMALL.keys[0].kid}.json"
    content = path.read_bytes()
    path.unlink()
    stamps.add(store.stamp())
    keys.files.write_secret(path, content)
    stamps.add(store.stamp())
    path.chmod(0o640)
    stamps.add(store.stamp())
    directory.chmod(0o755)
    stamps.add(store.stamp())
    assert len(stamps) == 6
    assert store.stamp() in stamps
    assert len({hash(stamp) for stamp in stamps}) == 6


def test_wrapped_at_rest(directory: Path) -> None:
    KeyStore(directory, MASTER).save(RING)
    for key in RING.keys:
        text = (directory / f"{key.kid}.jwe").read_text()
        assert not any(value in text for value in key.secret_jwk().values() if len(value) > 8)
        jwe = JWE()
        jwe.deserialize(text, JWK(kty="oct", k=base64url_encode(MASTER)))
        assert json.loads(jwe.payload)["kid"] == key.kid
        assert jwe.jose_header == {"alg": "A256KW", "enc": "A256GCM", "typ": "satchel-key"}


def test_wrapped_keys_need_their_master_key(directory: Path) -> None:
    KeyStore(directory, MASTER).save(SMALL)
    with pytest.raises(KeyStoreError, match=r"is encrypted; set keys\.master_key_file"):
        KeyStore(directory).load()
    with pytest.raises(KeyStoreError, match="cannot be decrypted with the master key"):
        KeyStore(directory, bytes(32)).load()


def test_from_plain_to_wrapped(directory: Path) -> None:
    KeyStore(directory).save(SMALL)
    store = KeyStore(directory, MASTER)
    with pytest.raises(KeyStoreError, match=r"is not encrypted.*--rewrap"):
        store.load()
    assert store.load(accept_plain=True) == SMALL
    store.save(SMALL)
    assert store.load() == SMALL
    assert not [name for name in names(directory) if name.endswith(".json")]


def test_wrapping_that_was_interrupted_goes_on(directory: Path) -> None:
    KeyStore(directory).save(SMALL)
    plain = {path.name: path.read_bytes() for path in directory.glob("*.json")}
    store = KeyStore(directory, MASTER)
    store.save(SMALL)
    for name, content in plain.items():
        keys.files.write_secret(directory / name, content)
    assert store.load(accept_plain=True) == SMALL
    store.save(SMALL)
    assert store.load() == SMALL


@pytest.mark.parametrize(
    "content",
    [
        MASTER,
        MASTER.hex().encode(),
        MASTER.hex().upper().encode() + b"\n",
        base64url_encode(MASTER).encode(),
        base64url_encode(MASTER).encode() + b"=\n",
    ],
)
def test_master_key_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master"
    keys.files.write_secret(path, content)
    assert read_master_key(path) == MASTER


@pytest.mark.parametrize(
    "content",
    [b"", b"short", bytes(31), bytes(33), b"z" * 64, b"*" * 43, base64url_encode(bytes(33)).encode(), b"\xff" * 64],
)
def test_what_is_no_master_key_is_refused_without_a_word_of_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master"
    keys.files.write_secret(path, content)
    with pytest.raises(KeyStoreError) as refused:
        read_master_key(path)
    assert str(refused.value) == f"{path}: is not a master key; it must have 32 bytes: raw, hexadecimal or base64url"


@pytest.mark.slow
def test_the_lock_keeps_another_process_out(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys.files, "_LOCK_WAIT", 0.1)
    program = (
        "import sys, pathlib; from keys import KeyStore\n"
        "with KeyStore(pathlib.Path(sys.argv[1])).lock(): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(KeyStoreError, match="locked by another process"), KeyStore(directory).lock():
            pass
        KeyStore(directory).load()
        other.kill()
    with KeyStore(directory).lock():
        pass


def test_a_lock_that_cannot_be_made_is_refused_by_name(directory: Path) -> None:
    (directory / ".lock").mkdir()
    with pytest.raises(KeyStoreError, match=r"\.lock: cannot be used"), KeyStore(directory).lock():
        pass


def test_a_read_only_directory_can_be_loaded(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KeyStore(directory).save(SMALL)
    opened = os.open

    def read_only(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(30, "Read-only file system")
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", read_only)
    store = KeyStore(directory)
    assert store.load() == SMALL
    with pytest.raises(KeyStoreError, match="Read-only file system"), store.lock():
        pass
    with pytest.raises(KeyStoreError, match="Read-only file system"):
        store.save(rotate(SMALL, POLICY, START + 10 * DAY, force=True))


def test_a_reader_never_pairs_two_moments(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forced rotation lands after the reader has read the standby and before it reads the active key."""
    store = KeyStore(directory)
    store.save(SMALL)
    now = START + 10 * DAY
    forced = rotate(SMALL, POLICY, now, force=True)
    read = keys.store.read_secret
    reads = []

    def interrupted(path: Path, inside: Path) -> bytes:
        content = read(path, inside)
        reads.append(path)
        if len(reads) == 2:
            monkeypatch.setattr(keys.store, "read_secret", read)
            KeyStore(directory).save(forced)
        return content

    monkeypatch.setattr(keys.store, "read_secret", interrupted)
    assert store.load() == forced


def test_new_keys_are_written_before_others_end_for_them(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = START + 100 * DAY
    late = Ring(key for key in SMALL.keys if key.state(now) == "active")
    store = KeyStore(directory)
    store.save(late)
    written: list[str] = []
    write = keys.files.write_secret
    monkeypatch.setattr(
        keys.store, "write_secret", lambda path, content: (written.append(path.stem), write(path, content))
    )
    store.save(rotate(late, POLICY, now, force=True))
    assert len(written) == 6  # bringing a standby forward stages the next
    assert [kid in {key.kid for key in late.keys} for kid in written] == [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A256GCM", "typ": "satchel-key"},
        {"alg": "A256KW", "enc": "A256CBC-HS512", "typ": "satchel-key"},
        {"alg": "A256KW", "enc": "A256GCM"},
        {"alg": "A256KW", "enc": "A256GCM", "typ": "satchel-key", "zip": "DEF"},
    ],
)
def test_other_headers_under_the_master_key_are_refused(directory: Path, header: dict[str, str]) -> None:
    KeyStore(directory).save(SMALL)
    for path in directory.glob("*.json"):
        jwe = JWE(path.read_bytes(), protected=json.dumps(header))
        jwe.add_recipient(JWK(kty="oct", k=base64url_encode(MASTER)))
        keys.files.write_secret(path.with_suffix(".jwe"), jwe.serialize(compact=True).encode())
        path.unlink()
    with pytest.raises(KeyStoreError, match="cannot be decrypted with the master key"):
        KeyStore(directory, MASTER).load()


def test_a_directory_that_never_rests_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KeyStore(directory).save(SMALL)
    monkeypatch.setattr(keys.store, "_READS", 3)
    restless = iter(range(100))
    monkeypatch.setattr(KeyStore, "stamp", lambda self: next(restless))
    with pytest.raises(KeyStoreError, match="keeps changing"):
        KeyStore(directory).load()


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        yield


def test_a_full_disk_changes_nothing(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = KeyStore(directory)
    store.save(SMALL)
    before = names(directory)
    with failing(monkeypatch), pytest.raises(KeyStoreError, match="No space left"):
        store.save(rotate(SMALL, POLICY, START + 10 * DAY, force=True))
    assert names(directory) == before
    assert store.load() == SMALL
