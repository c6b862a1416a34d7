"""The judge of one run of the tool: what it pushed and touched, and its exit status."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import product

from expected_rollbacks import Data
from hostile_alerts import Alert, Call
from hostile_answers import Answers
from hostile_expected import State, Wanted, incidents_of, wanted
from hostile_rebuild import differs
from hostile_world import Head, World
from repo import Result

STATUS = {"proposed": 0, "nothing": 0, "paused": 1, "stuck": 1, "unreadable": 2, "unknown": 2}


@dataclass
class Judge:
    """One call, with the state before it and after it, and the answer of the tool."""

    world: World
    call: Call
    before: State
    after: State
    answer: Result
    wrong: list[str] = field(default_factory=list)

    def judge(self) -> list[str]:
        """Return all that is wrong."""
        self._learn()
        self._check_branches()
        self._check_pulls()
        for number in self._armed:
            self._check_armed(number)
        self._check_status([self._check(key, alerts) for key, alerts in self.call.failures.items()])
        return self.wrong

    # Branches.

    def _learn(self) -> None:
        """Look at the new heads: each is one commit on the base, and changes nothing that a rollback may not."""
        for branch, tip in self.after.tips.items():
            if self.before.tips.get(branch) == tip or tip in self.world.made:
                continue
            parents = self.world.bare.parents(tip)
            self.world.made[tip] = head = Head(parents[0], self.world.bare.changes(parents[0], tip))
            if parents != [self.world.main]:
                self.wrong.append(f"{branch} is not one commit on the base")
            rollouts = {spec["rollout"] for spec in self.call.incidents(head)}
            self.world.counts["joint rollback"] += len(rollouts) > 1
            self.world.counts["incident brought along"] += len(self.call.incidents(head)) > len(rollouts)
            if not rollouts:
                self.wrong.append(f"{branch} has no incident")
            self.wrong += [f"{branch} changes {path}" for path in head.edits if not self.call.may_edit(path, rollouts)]

    def _check_branches(self) -> None:
        """Check that no foreign branch was moved, and that none was deleted."""
        for branch, tip in self.before.tips.items():
            now = self.after.tips.get(branch)
            if now != tip and (now is None or tip not in self.world.made or branch == "main"):
                self.wrong.append(f"{branch} was moved; it was pushed by somebody ({self.world.people.get(tip)})")

    # Pull requests.

    @cached_property
    def _changed(self) -> set[int]:
        return {number for number, pull in self.after.pulls.items() if pull != self.before.pulls.get(number)}

    def _check_pulls(self) -> None:
        """Check that each pull request that was touched is the tool's, and open unless it is superseded."""
        for number in self._changed:
            pull, old = self.after.pulls[number], self.before.pulls.get(number) or {"state": "open"}
            tip = self.after.tips.get(pull["head"])
            held = self.world.is_held(number, pull["headSha"]) and pull["headSha"] == old.get("headSha")
            if tip not in self.world.made:
                self.wrong.append(f"pull request {number} was touched, and its branch is not the tool's")
            if pull["state"] == "closed" and old["state"] == "open":
                if "superseded" not in pull["labels"] or held:
                    self.wrong.append(f"pull request {number} was closed")
            elif pull["state"] == "open" and pull["headSha"] != tip and not held:
                self.wrong.append(f"pull request {number} is at {pull['headSha']}, and its branch at {tip}")
            if held and ((pull["autoMerge"] and not old["autoMerge"]) or (old["draft"] and not pull["draft"])):
                self.wrong.append(f"pull request {number} is no longer as a person left it")

    @property
    def _armed(self) -> list[int]:
        """The pull requests that merge themselves, and whose branch nobody else has moved."""
        armed = [n for n, pull in self.after.pulls.items() if pull["state"] == "open" and pull.get("autoMerge")]
        return [n for n in armed if self.after.tips.get(self.after.pulls[n]["head"]) in self.world.made]

    def _check_armed(self, number: int) -> None:
        """Build the head of a pull request that merges itself again, once."""
        tip = self.after.tips[self.after.pulls[number]["head"]]
        head = self.world.made[tip]
        newly = not (self.before.pulls.get(number) or {}).get("autoMerge")
        if newly and not self._may_arm(self.call.incidents(head)):
            self.wrong.append(f"pull request {number} merges itself, and nothing hard tells of it")
        if tip not in self.world.rebuilt:
            self.world.rebuilt.add(tip)
            self.world.counts["armed head rebuilt"] += 1
            place = next(each for each in self.world.places if incidents_of(each, head.edits))
            difference = differs(self.world, place, self.after, tip)
            self.wrong += [f"pull request {number} merges itself: {difference}"] if difference else []

    def _may_arm(self, incidents: list[Data]) -> bool:
        if self.call.ordered:
            return self.call.arms
        now = self.world.clock[0] + timedelta(minutes=2)
        hard = {(each.rollout, each.version) for each in self.call.alerts if each.is_hard(now)}
        return any((each["rollout"], each["failedVersion"]) in hard for each in incidents)

    # Failures.

    @cached_property
    def _wanted(self) -> dict[tuple[str, str | None], Wanted]:
        place, ordered = self.call.place, self.call.ordered
        told = self.call.failures
        return {key: wanted(self.world, place, self.before, *key, ordered=ordered, beside=told) for key in told}

    def _check(self, key: tuple[str, str | None], alerts: list[Alert]) -> tuple[int, ...]:
        """Check the outcome of one failure; return the statuses that it may have."""
        want = self._wanted[key]
        self.world.counts[f"outcome: {want.kind}"] += 1
        if want.kind not in ("proposed", "stuck"):
            return (STATUS[want.kind],)
        found = Answers(self.world, self.call, self.before, self.after, self.answer, *key, want)
        self.wrong += found.wrong(self._changed, alerts)
        if found.stays_closed(alerts):
            return (0, 1)
        return (STATUS[want.kind], *((0,) if want.also else ()))

    def _check_status(self, allowed: list[tuple[int, ...]]) -> None:
        statuses = {max(each) for each in product(*allowed)}
        if self.answer.status not in statuses:
            self.wrong.append(f"the status is {self.answer.status}, and not {sorted(statuses)}")
        if "Traceback" in self.answer.text:
            self.wrong.append("there is a traceback")
        kinds = {each.kind for each in self._wanted.values()}
        if not {"proposed", "stuck"} & kinds and self.before != self.after:
            self.wrong.append(f"something was pushed: {kinds}")
