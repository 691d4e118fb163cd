"""docs/errors.md is whole: every text of the source has an entry in service/errors.toml, and no entry is stale."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from service.errors import TABLE
from service.protocol.errors import ErrorCode
from tests.docs.messages import ANY, Source
from tests.worlds.demo import ROOT

DESCRIPTIONS = {(code, text) for code, entries in TABLE["descriptions"].items() for text in entries}
REASONS = {("reason", text) for entries in TABLE["reasons"].values() for text in entries}
CALLS, EVENTS = ({(role, text) for text in TABLE[role]} for role in ("api", "events"))
ENTRIES = DESCRIPTIONS | REASONS | CALLS | EVENTS


@cache
def said() -> dict[tuple[str, str], str]:
    """Each text with its code or role, and the file that says it."""
    found = {}
    for role, code, text, place in Source(ROOT).messages():
        if code == ANY:  # somewhere else says which; any entry will do
            found |= {entry: place for entry in DESCRIPTIONS if entry[1] == text} or {(ANY, text): place}
        else:
            found[code or role, text] = place
    return found


@pytest.mark.slow
def test_every_text_has_an_entry_with_cause_and_cure() -> None:
    missing = [f"{place}: {code}: {text}" for (code, text), place in said().items() if (code, text) not in ENTRIES]
    assert not missing, "add to service/errors.toml:\n" + "\n".join(missing)


@pytest.mark.slow
def test_no_entry_is_stale() -> None:
    stale = [f"{code}: {text}" for code, text in sorted(ENTRIES - said().keys())]
    assert not stale, "nothing says any more, so take out of service/errors.toml:\n" + "\n".join(stale)


def test_every_code_has_its_meaning() -> None:
    assert list(TABLE["codes"]) == list(get_args(ErrorCode))
    assert TABLE["descriptions"].keys() <= TABLE["codes"].keys()


def test_causes_and_cures_are_sentences() -> None:
    sections = [*TABLE["descriptions"].values(), *TABLE["reasons"].values(), TABLE["api"], TABLE["events"]]
    entries = [entry for section in sections for entry in section.values()]
    assert len(entries) > 300
    assert [entry for entry in entries if len(entry) != 2 or not all(text.endswith(".") for text in entry)] == []


@pytest.mark.slow
def test_the_page_is_up_to_date() -> None:
    command = [sys.executable, "-m", "service", "errors"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == (ROOT / "docs" / "errors.md").read_text(), "run make docs"


PLANTED = """
WRONG = "said by a constant"

def refuse(description, reason=""):
    return OAuthError("invalid_scope", description, reason=reason)

def _again(text):
    return refuse(text)

def judge(number, fault):
    why = "said by a variable" if number else "said otherwise"
    log.error("an event", number=number)
    raise _again(f"more than {number} of them")
    raise OAuthError("invalid_grant", WRONG, reason=why)
    raise BadBag("said at once")
    raise OAuthError(fault.code, "of any code", reason=fault.reason)

def find(code):
    if code is None:
        return None, "noted at once"
    return (None, "noted too") if code else (code, "")

def note(decision):
    decision.note = "noted"
    decision.answer, decision.note = "", WRONG
    found, decision.note = find(decision.code)
"""


def planted(root: Path, source: str) -> set[tuple[str, str, str]]:
    (root / "service").mkdir()
    (root / "service" / "file.py").write_text(source)
    return {(message.role, message.code, message.text) for message in Source(root).messages()}


def test_texts_are_found_wherever_they_are_said(tmp_path: Path) -> None:
    assert planted(tmp_path, PLANTED) == {
        ("description", "invalid_scope", "more than … of them"),
        ("description", "invalid_grant", "said by a constant"),
        ("description", ANY, "of any code"),
        ("reason", "", "said by a variable"),
        ("reason", "", "said otherwise"),
        ("reason", "", "said at once"),
        ("reason", "", "noted"),
        ("reason", "", "said by a constant"),
        ("reason", "", "noted at once"),
        ("reason", "", "noted too"),
        ("events", "", "an event"),
    }


def test_a_text_that_cannot_be_found_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="is no literal"):
        planted(tmp_path, 'def judge(x):\n    raise BadBag(" ".join(x))')
