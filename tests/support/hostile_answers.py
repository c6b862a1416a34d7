"""The pull requests that answer one failure: each applies to the base, and leads where the base says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from expected_rollbacks import Data, data_of
from hostile_alerts import Alert, Call
from hostile_expected import State, Wanted, incidents_of, moment
from hostile_git import Content
from hostile_reasons import unjustified
from hostile_world import Head, World
from repo import Result
from yaml import YAMLError

CONFLICT = "it conflicts"
MERGED = "it is on the base already"
HANDS = ("a person made it one", "a person cancelled it", "a person changed it")
"""Words of the tool about pull requests that a person drafted or disarmed."""


@dataclass
class Answers:
    """One failure of a call. ``version`` is None if a person named the rollout alone."""

    world: World
    call: Call
    before: State
    after: State
    answer: Result
    rollout: str
    version: str | None
    want: Wanted

    def wrong(self, changed: set[int], alerts: list[Alert]) -> list[str]:
        """Return what is wrong with the answers. ``changed`` are the pull requests that the tool touched."""
        told = f"{self.rollout} {self.failed}"
        wrong = [f"pull request {n} was touched for {told}: {why}" for n, why in self._bad.items() if n in changed]
        armed = [
            n for n in self._bad if self.after.pulls[n].get("autoMerge") and self._bad[n] not in (CONFLICT, MERGED)
        ]
        armed = [number for number in armed if not self._is_named_as_foreign(number)]
        wrong += [f"pull request {n} still merges itself for {told}: {self._bad[n]}" for n in armed]
        before = [n for n in self._right(self.before) if self._is_on_base(n) and self._is_of_this_alone(n)]
        if before and self._opened_alone and len(self.call.failures) == 1:
            wrong.append(f"pull request {before[0]} answers {told} already, and another one was opened")
        if self._right(self.after):
            self.world.counts["answered again"] += bool(before)
            return wrong + self._unarmed(told, alerts)
        if self._held:
            self.world.counts["held by a person"] += 1
        elif self.want.kind == "stuck" and self._is_on_record():
            self.world.counts["on record"] += 1
        elif self.stays_closed(alerts):
            self.world.counts["closed, and not opened again"] += 1
        else:
            wrong.append(f"nothing is open that answers {told}: {self.want}")
        return wrong

    @cached_property
    def failed(self) -> str:
        live = self._live(self.world.tip.files)
        return str(self.version or live.get("candidate") or live["stable"])

    # Pull requests.

    def _of_this(self, state: State) -> dict[int, tuple[str, Head]]:
        """Return the open pull requests of the tool that are about this failure, with their heads.

        One that replaces stable only brings the incident of a candidate along.
        """
        found = {}
        for number, pull in state.pulls.items():
            tip = state.tips.get(pull["head"], "")
            if pull["state"] == "open" and (head := self.world.made.get(tip)) is not None:
                named = [each["failedVersion"] for each in self.call.incidents(head) if each["rollout"] == self.rollout]
                stable = self._stable_on(head.parent) if len(named) > 1 else None
                if self.failed in named and (self.failed == stable or stable not in named):
                    found[number] = (tip, head)
        return found

    def _stable_on(self, commit: str) -> str | None:
        """Return the stable version on a base; None if the rollout does not load there."""
        try:
            return str(self._live(self.world.past[commit])["stable"])
        except (YAMLError, KeyError, TypeError):
            return None

    def _right(self, state: State) -> list[int]:
        """Return the pull requests that lead where they must."""
        return [number for number, found in self._of_this(state).items() if self._fault(*found) is None]

    @property
    def _opened_alone(self) -> list[int]:
        """The new pull requests of one rollout; one of several leaves a component as another rollout needs it now."""
        opened = []
        for number in self.after.pulls.keys() - self.before.pulls.keys():
            head = self.world.made.get(self.after.tips.get(self.after.pulls[number]["head"], ""))
            if head is None or len({each["rollout"] for each in self.call.incidents(head)}) == 1:
                opened.append(number)
        return opened

    def _is_named_as_foreign(self, number: int) -> bool:
        """Return whether a head is on a base that was pushed back since, and the tool says that it merges itself.

        The head brings the commits that were pushed out along: these are not the tool's, and it leaves them alone.
        """
        head = self.world.made[self.after.tips[self.after.pulls[number]["head"]]]
        words = f"{number}.json, which still has auto-merge"
        return not any(tip.commit == head.parent for tip in self.world.line) and words in self.answer.text

    def _head_before(self, number: int) -> Head:
        return self.world.made[self.before.tips[self.before.pulls[number]["head"]]]

    def _is_of_this_alone(self, number: int) -> bool:
        """Return whether a pull request is about no other rollout; another one may be opened beside one that is."""
        rollouts = {each["rollout"] for each in self.call.incidents(self._head_before(number))}
        return len(rollouts) == 1 and f"/{self.call.place.name}/{self.rollout}/" in self.before.pulls[number]["head"]

    def _is_on_base(self, number: int) -> bool:
        """Return whether the base still holds the commit that a head was made on."""
        head = self._head_before(number)
        return any(tip.commit == head.parent for tip in self.world.line)

    @cached_property
    def _held(self) -> list[int]:
        """The pull requests of this failure that a person drafted or disarmed, and that stay as they are.

        A draft counts as a person's too if somebody else moved its branch: the tool has no record of that head.
        """
        held = []
        for number in self._of_this(self.after):
            pull = self.after.pulls[number]
            moved = pull["draft"] and pull.get("automation", {}).get("head") != pull["headSha"]
            if moved or self.world.is_held(number, pull["headSha"]):
                held.append(number)
        return held

    @cached_property
    def _bad(self) -> dict[int, str]:
        found = {number: self._fault(*each) for number, each in self._of_this(self.after).items()}
        return {number: why for number, why in found.items() if why is not None and number not in self._held}

    def _fault(self, tip: str, head: Head) -> str | None:
        """Say what is wrong with a head; None if its merge into the base is what must be."""
        edits = dict(head.edits)
        if head.parent != self.world.main:
            tree = self.world.bare.merge_tree(self.world.main, tip)
            if tree is None:
                return CONFLICT
            edits = self.world.bare.changes(self.world.main, tree)
            if not edits:
                return MERGED
        files = {path: each for path, each in {**self.world.tip.files, **edits}.items() if each is not None}
        live, rollouts = self._live(files), {each["rollout"] for each in self.call.incidents(head)}
        lives = [self._live(self.world.tip.files)] if self.want.kind == "stuck" else self.want.lives
        outside = [path for path in edits if not self.call.may_edit(path, rollouts)]
        if outside:
            return f"it changes {outside}"
        if live not in lives:
            return f"it leads to {live}, and not to {lives}"
        return None if self._has_incident(edits) else "it has no incident"

    def _live(self, files: Any) -> Data:
        live: Data = data_of(files, self.call.place.path(f"rollouts/{self.rollout}.yaml"))["spec"]["live"]
        return {**live, "knownGood": live.get("knownGood") or []}

    def _has_incident(self, edits: dict[str, Content | None]) -> bool:
        facts = [(each["rollout"], each["failedVersion"], each["status"]) for each in self._specs(edits)]
        return (self.rollout, self.failed, "open") in facts

    def _specs(self, edits: Any) -> list[Data]:
        found = incidents_of(self.call.place, edits)
        return [data_of(found, path)["spec"] for path in found]

    # Why there may be none.

    def _is_on_record(self) -> bool:
        """Return whether an open incident on the base says already that nothing can replace a version."""
        files = self.world.tip.files
        specs = self._specs({path: each for path, each in files.items() if not self.world.is_broken(path)})
        facts = [(each["rollout"], each["failedVersion"], each["restoredVersion"], each["status"]) for each in specs]
        return (self.rollout, self.failed, None, "open") in facts

    def stays_closed(self, alerts: list[Alert]) -> bool:
        """Return whether a person closed a pull request for this very breach."""
        if self.call.ordered:
            return False
        for number, when in self.world.closed.items():
            pull = self.after.pulls[number]
            head = self.world.made.get(pull["headSha"])
            if head is None or pull["state"] != "closed" or "superseded" in pull["labels"]:
                continue
            for spec in self.call.incidents(head):
                if (spec["rollout"], spec["failedVersion"]) != (self.rollout, self.failed):
                    continue
                seen = int(moment(spec["observedAt"]).timestamp())
                same = any(int(each.at.timestamp()) == seen for each in alerts)
                if same or (when is not None and any(each.at <= when for each in alerts)):
                    return True
        return False

    # Why none merges itself.

    def _unarmed(self, told: str, alerts: list[Alert]) -> list[str]:
        """Check that a hard breach is armed, unless a reason that holds is told, or a person has a hand in it."""
        now = self.world.clock[0] + timedelta(minutes=2)
        if self.want.kind != "proposed" or self.call.ordered or not any(each.is_hard(now) for each in alerts):
            return []
        pulls = [self.after.pulls[number] for number in self._right(self.after)]
        if any(pull.get("autoMerge") and not pull.get("draft") for pull in pulls):
            self.world.counts["hard, and merges itself"] += 1
            return []
        if self.stays_closed(alerts):  # what is open is of a person's order
            return []
        if any(words in self.answer.text for words in HANDS):
            self.world.counts["left as a person has it"] += 1
            return []
        guards = sorted(set(re.findall(r"\[([a-z-]+)\]", self.answer.text)))
        self.world.counts.update(f"held: {guard}" for guard in guards)
        heads = [self.world.made[self.after.tips[pull["head"]]] for pull in pulls]
        joint = any(len({each["rollout"] for each in self.call.incidents(head)}) > 1 for head in heads)
        facts = (self.world, self.call, self.rollout, self.failed, self.want, joint or len(self.call.failures) > 1)
        wrong = [
            f"{told} is held by {guard}: nothing speaks for that" for guard in guards if unjustified(guard, *facts)
        ]
        return wrong if guards else [f"{told} is hard, and does not merge itself; no reason is told"]
