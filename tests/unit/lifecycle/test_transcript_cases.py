"""Pages of transcripts say which files there are, which commands run, and what they print."""

from __future__ import annotations

from pathlib import Path

import pytest
from transcript_cases import transcript_cases, update

PAGE = """\
# record

## one

```text
# input.txt
a: 1
```

```console
$ rollout-spec record fraud 44
exit status 0

```

## two

```console
$ rollout-spec drill
$ rollout-spec drill fraud
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "record.md"
    path.write_text(PAGE, "utf-8")
    return path


def test_a_section_has_files_commands_and_a_transcript(page: Path) -> None:
    cases = transcript_cases([page])
    assert cases["one"].files() == {"input.txt": b"a: 1\n"}
    assert cases["one"].commands == ["record fraud 44"]
    assert cases["one"].transcript == "$ rollout-spec record fraud 44\nexit status 0\n\n"
    assert cases["two"].files() == {}
    assert cases["two"].commands == ["drill", "drill fraud"]


def test_an_update_writes_the_transcript_and_nothing_else(page: Path) -> None:
    case = transcript_cases([page])["one"]
    told = "$ rollout-spec record fraud 44\nno\nexit status 1\n\n"
    assert update(case, told).transcript == told
    assert page.read_text("utf-8") == PAGE.replace("exit status 0", "no\nexit status 1")
    assert update(case, case.transcript).transcript == case.transcript
    assert page.read_text("utf-8") == PAGE


def test_two_cases_of_one_name_are_refused(page: Path) -> None:
    with pytest.raises(AssertionError, match="two cases have the same name"):
        transcript_cases([page, page])
