"""What kills a reader of files is found by breeding: an input that reaches new code is kept, and changed again.

    python tests/fuzz/run.py [SECONDS]

An exception, an input that takes ten seconds or a process of more than 512 MB ends it with a status that is not 0; the
input that did it is then a file in `.fuzz/`. What it bred stays there as well, so that the next run goes on from it.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from random import Random

import atheris

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS / "support"), str(TESTS), str(ROOT)]

with atheris.instrument_imports(include=["rollout_spec"]):
    import rollout_spec

    for module in walk_packages(rollout_spec.__path__, "rollout_spec."):  # also those that commands import late
        if not module.name.endswith("__main__"):
            import_module(module.name)

from problem_cases import problem_cases  # noqa: E402
from rule_cases import rule_cases  # noqa: E402
from transcript_cases import transcript_cases  # noqa: E402

from fuzz.entrances import try_all  # noqa: E402
from fuzz.mutations import mutated  # noqa: E402

KEPT = ROOT / ".fuzz"
SEEDS = ("tests/good", "tests/cases", "examples", "policies", "templates")
LONGEST = 16 * 1024
LIMITS = {"timeout": 10, "rss_limit_mb": 512, "max_len": LONGEST}


def seeds() -> set[bytes]:
    """Return the files that the other tests read, as far as they are short."""
    texts = set()
    for path in (path for folder in SEEDS for path in (ROOT / folder).rglob("*")):
        if path.name == "generate.json":
            parts = json.loads(path.read_text("utf-8"))
            texts.add("".join(part for part in parts if isinstance(part, str)).encode())
        elif path.suffix in (".yaml", ".json", ".jsonl") and path.name != "expected.json":
            texts.add(path.read_bytes())
    texts.update(case.part.content() for case in problem_cases().values())
    transcripts = transcript_cases([*TESTS.glob("cases/lifecycle/*.md"), TESTS / "cases/drill.md"])
    workspaces = [case.case().after for case in rule_cases().values()]
    workspaces += [case.files() for case in transcripts.values()]
    for files in workspaces:
        texts.update(content for path, content in files.items() if path.endswith((".yaml", ".json")))
    return {text for text in texts if len(text) <= LONGEST}


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Do to a file what people do to it, every other time; else what libFuzzer does to bytes."""
    random = Random(seed)
    if random.random() < 0.5:
        return bytes(atheris.Mutate(data, most))
    text = data.decode("utf-8", "replace")
    for _ in range(random.randint(1, 3)):
        text = mutated(text, random)
    return text.encode("utf-8", "replace")[:most]


def main(seconds: int) -> None:
    """Breed for some seconds."""
    start, bred = KEPT / "seeds", KEPT / "bred"
    shutil.rmtree(start, ignore_errors=True)
    start.mkdir(parents=True)
    bred.mkdir(exist_ok=True)
    for number, content in enumerate(sorted(seeds())):
        (start / str(number)).write_bytes(content)
    said = {**LIMITS, "max_total_time": seconds, "artifact_prefix": f"{KEPT}/", "verbosity": 0, "print_final_stats": 1}
    options = [f"-{name}={value}" for name, value in said.items()]
    atheris.Setup([sys.argv[0], *options, str(bred), str(start)], try_all, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
