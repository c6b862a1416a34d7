"""Measures what checking costs, beside what other checkers cost: prints tables, writes nothing.

The commands of one table take turns, so that a busy moment of the machine meets all of them. CPU time is what the
kernel counts for the whole process, its start included; ratios are medians of the ratios within one turn.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from generate import write_workspace
from measure import CHECKOUT, Command, cost_of, table

SCHEMA = CHECKOUT / "schemas" / "model-rollout.schema.json"
LOAD = "import sys, yaml\nfor file in sys.argv[1:]:\n    yaml.load(open(file, 'rb'), yaml.CSafeLoader)"
CHECK = ("-m", "rollout_spec", "check")
FEW = 10


def main() -> None:
    """Measure one file, many, one among very many, and whole workspaces."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=2000, help="files of the second table (default: 2000)")
    parser.add_argument("--large", type=int, default=10_000, help="rollouts of the large repository (default: 10000)")
    parser.add_argument("--whole", type=int, default=1000, help="rollouts of the last table (default: 1000)")
    parser.add_argument("--rounds", type=int, default=15, help="turns of the tables of one file (default: 15)")
    parser.add_argument("--batch-rounds", type=int, default=5, help="turns of the table of many files (default: 5)")
    parser.add_argument("--whole-rounds", type=int, default=3, help="turns of the last table (default: 3)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        few, many, large, whole, bare = (Path(place, name) for name in ("few", "many", "large", "whole", "bare"))
        write_workspace(bare, FEW, policies="")
        for folder, count in ((few, FEW), (many, chosen.rollouts), (large, chosen.large)):
            write_workspace(folder, count)
        size = sum(len(file.read_bytes()) for file in rollouts(few)) / FEW
        print(f"Rollouts of {size:,.0f} bytes; Python {sys.version.split()[0]}.\n\n## One file, one process\n")
        table(one_file(bare, few), chosen.rounds)
        print(f"\n## {chosen.rollouts:,} files, one process\n")
        table(many_files(many), chosen.batch_rounds)
        print(f"\n## One file in a repository of {FEW}, and of {chosen.large:,}\n")
        commit(few)
        commit(large)
        table(among(few, large), chosen.rounds)
        print(f"\n## One rollout changed, in repositories of 100, {chosen.whole:,} and {chosen.large:,}\n")
        table(changed(Path(place, "changed"), (100, chosen.whole, chosen.large)), chosen.batch_rounds)
        print("\n## Whole workspaces, with the manifests and the proof of each way back\n")
        table(whole_workspaces(whole, chosen.whole), chosen.whole_rounds, warm=False)


def rollouts(folder: Path) -> list[Path]:
    """Return the rollouts of a workspace."""
    return sorted((folder / "rollouts").iterdir())


def one_file(folder: Path, demanding: Path) -> list[Command]:
    """What a commit of one file costs, in a workspace without policies and in one that names ``baseline``."""
    files = rollouts(folder)
    file, ranged = files[0], next(file for file in files if ">=" in file.read_text())
    return [
        Command("rollout-spec check FILE", [*CHECK, file], folder),
        Command("… that pins a range", [*CHECK, ranged], folder),
        Command("… with the policies of baseline", [*CHECK, rollouts(demanding)[0]], demanding),
        Command("yaml.load(FILE, CSafeLoader)", ["-c", LOAD, file], folder, "yaml"),
        Command("check-jsonschema FILE", schema(file), folder, "check_jsonschema"),
        Command("yamllint FILE", ["-m", "yamllint", file], folder, "yamllint", may_fail=True),
    ]


def many_files(folder: Path) -> list[Command]:
    """What many files cost, with every rule and the policies of ``baseline``. The slow ones get a tenth of them."""
    files = rollouts(folder)
    some = files[: max(1, len(files) // 10)]
    scale = len(files) / len(some)
    share = f"({len(some):,} files, times {scale:g})"
    return [
        Command("rollout-spec check rollouts/", [*CHECK, "rollouts/"], folder),
        Command("yaml.load(…, CSafeLoader)", ["-c", LOAD, *files], folder, "yaml"),
        Command(f"check-jsonschema {share}", schema(*some), folder, "check_jsonschema", scale),
        Command(f"yamllint {share}", ["-m", "yamllint", *some], folder, "yamllint", scale, may_fail=True),
    ]


def among(few: Path, large: Path) -> list[Command]:
    """What one file costs in a repository of few, and of very many; alone, and beside the commit that it changes."""
    return [
        Command(f"check FILE{' '.join(['', *base])}, {where}", [*CHECK, *base, rollouts(folder)[0]], folder)
        for base in ((), ("--base", "HEAD"))
        for folder, where in ((few, f"of {FEW}"), (large, "of very many"))
    ]


def changed(folder: Path, counts: Sequence[int]) -> list[Command]:
    """What the check of a change costs: of the changed file alone, and with all that the change may affect."""
    commands: list[Command] = []
    for count in counts:
        place = folder / str(count)
        write_workspace(place, count)
        cost_of(Command("render", ["-m", "rollout_spec", "render"], place))
        commit(place)
        commands.append(Command(f"check FILE, of {count:,}", [*CHECK, rollouts(place)[0]], place))
        commands.append(Command(f"check --base, of {count:,}", [*CHECK, "--base", "HEAD"], place, may_fail=True))
    return commands


def whole_workspaces(folder: Path, count: int) -> list[Command]:
    """What a tenth of a workspace costs, all of it, and all of it on two processors."""
    part, whole = folder / "part", folder / "whole"
    for place, size in ((part, count // 10), (whole, count)):
        write_workspace(place, size)
        cost_of(Command("render", ["-m", "rollout_spec", "render"], place))
    return [
        Command(f"check, {count // 10:,} rollouts", CHECK, part),
        Command(f"check, {count:,} rollouts", CHECK, whole),
        Command(f"check, {count:,} rollouts, two processors", CHECK, whole, processors=2),
    ]


def schema(*files: Path) -> Sequence[str | Path]:
    return ["-m", "check_jsonschema", "--schemafile", SCHEMA, *files]


def commit(folder: Path) -> None:
    """Make a workspace a git repository whose only commit holds it, and change one file."""
    git = ("git", "-C", str(folder), "-c", "user.name=b", "-c", "user.email=b@localhost", "-c", "gc.auto=0")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "all")):
        subprocess.run([*git, *words], check=True)
    file = rollouts(folder)[0]
    file.write_text(file.read_text().replace("hold: 15m", "hold: 20m"))


if __name__ == "__main__":
    main()
