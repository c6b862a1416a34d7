"""Random pairs of contracts: no break is told without an instance that two validators confirm, and few are missed.

`ROLLOUT_SPEC_CONTRACT_PAIRS` is how many pairs are compared, `ROLLOUT_SPEC_CONTRACT_SEED` the first one.
"""

from __future__ import annotations

import json
import os
from typing import Any

import jsonschema_rs
from contract_pairs import pair, pool, rests_on_open_fields
from jsonschema import Draft202012Validator

from rollout_spec.domain.contracts.comparison import ContractChange
from rollout_spec.domain.contracts.json_schema import read_schema
from rollout_spec.domain.contracts.witnesses import Comparison

PAIRS = int(os.environ.get("ROLLOUT_SPEC_CONTRACT_PAIRS", "200"))
SEED = int(os.environ.get("ROLLOUT_SPEC_CONTRACT_SEED", "0"))
LEAST_SHARE = 0.97


def second(schema: Any) -> jsonschema_rs.Draft202012Validator | None:
    """Return a validator that is not the one by which instances are judged; None if it refuses the schema."""
    try:
        return jsonschema_rs.Draft202012Validator(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
        return None


def told(old: Any, new: Any) -> list[ContractChange]:
    before, after = json.dumps(old).encode(), json.dumps(new).encode()
    found = Comparison(before, after, read_schema(before), read_schema(after))
    found.run()
    return found.changes()


def test_breaks_are_told_if_and_only_if_an_instance_proves_them() -> None:
    instances = pool()
    proven = found = compared = 0
    for seed in range(SEED, SEED + PAIRS):
        old, new = pair(seed)
        before, after = second(old), second(new)
        if before is None or after is None:
            continue
        compared += 1
        changes = [change for change in told(old, new) if change.refuses]
        for change in changes:
            witness = json.loads(change.witness)
            assert before.is_valid(witness) and not after.is_valid(witness), (seed, change)
            assert Draft202012Validator(old).is_valid(witness), (seed, change)
            assert not Draft202012Validator(new).is_valid(witness), (seed, change)
        if any(
            before.is_valid(each) and not after.is_valid(each) and not rests_on_open_fields(each, old, new)
            for each in instances
        ):
            proven += 1
            found += bool(changes)
    assert compared > 0.9 * PAIRS and proven > 0.2 * PAIRS, (compared, proven)
    assert found >= LEAST_SHARE * proven, (found, proven)


def test_a_schema_does_not_break_its_own_callers() -> None:
    for seed in range(SEED, SEED + PAIRS // 4):
        old, _ = pair(seed)
        spelled_anew = {"title": "the same", **old} if isinstance(old, dict) else old
        assert told(old, spelled_anew) == [], seed
