"""Random sequences of deliveries, leases, crashes and answers: the inbox against a model of it."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from unittest import mock

from amounts import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from inbox_cases import LEASE, START, new

from rollout_spec.service.database import Database
from rollout_spec.service.inbox import Inbox
from rollout_spec.service.records import OPEN, State, Step, StoredBreach

NAMES = st.sampled_from(["a", "b", "c"])
OWNERS = st.sampled_from(["one", "two"])
WORKSPACES = {"a": "acme", "b": "acme", "c": "other"}


class InboxStates(RuleBasedStateMachine):
    """``starts`` has the newest start of each alert, ``answered`` the start that its last proposal is for."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = START.timestamp() + 86_400
        self.clock = mock.patch("time.time", lambda: self.now)
        self.clock.start()
        self.database = Database(f"sqlite:///{Path(self.folder.name) / 'inbox.sqlite3'}")
        self.database.prepare()
        self.inbox = Inbox(self.database)
        self.ids: dict[str, str] = {}
        self.starts: dict[str, int] = {}
        self.arrivals: dict[str, int] = {}
        self.answered: dict[str, int] = {}
        self.leases: dict[str, tuple[str, float]] = {}
        self.held: dict[tuple[str, str], StoredBreach] = {}

    def teardown(self) -> None:
        """Check that each open breach is answered once all faults end."""
        self.now += 7200
        for _ in range(2 * len(self.ids)):
            for row in self.inbox.lease("last", LEASE, 3):
                assert self.inbox.finish("last", row.id, "done", {"pullRequest": {}}, [])
        assert all(row.state not in OPEN for row in self.inbox.newest(["acme", "other"]))
        self.clock.stop()
        self.database.close()
        self.folder.cleanup()

    @rule(name=NAMES, start=st.integers(0, 4))
    def deliver(self, name: str, start: int) -> None:
        before = self.inbox.find(self.ids[name]) if name in self.ids else None
        breach = new(name, workspace=WORKSPACES[name], at=START + timedelta(hours=start))
        (receipt,) = self.inbox.add([breach])
        assert receipt.is_new == (name not in self.ids)
        assert self.ids.setdefault(name, receipt.id) == receipt.id
        self.arrivals[name] = self.arrivals.get(name, 0) + 1
        fired_again = start > self.starts.get(name, -1)
        self.starts[name] = max(start, self.starts.get(name, -1))
        if before is not None and before.state == "done" and name in self.answered and not fired_again:
            assert receipt.state == "done", "a finished breach is answered again without a reason"
        if fired_again:
            assert receipt.state == "waiting"

    @rule(owner=OWNERS, most=st.integers(1, 3))
    def lease(self, owner: str, most: int) -> None:
        rows = self.inbox.lease(owner, LEASE, most)
        assert len({row.workspace for row in rows}) <= 1
        for row in rows:
            holder, until = self.leases.get(row.id, ("", 0.0))
            assert not holder or until < self.now, f"{holder} has a lease of it still"
            assert row.state in OPEN
            self.leases[row.id] = (owner, self.now + LEASE)
            self.held[owner, row.id] = row

    @rule(owner=OWNERS, state=st.sampled_from(["done", "watching", "waiting", "failed"]))
    def answer(self, owner: str, state: State) -> None:
        for name, id in self.ids.items():
            row = self.held.pop((owner, id), None)
            if row is None or row.breach is None:
                continue
            is_owner = self.leases.get(id, ("", 0.0))[0] == owner
            start = int((row.breach.observed_at - START).total_seconds() // 3600)
            outcome = {"pullRequest": {"number": 1}} if state in ("done", "watching") else {}
            written = self.inbox.finish(owner, id, state, outcome, [Step(self.now, state)], is_error=state == "waiting")
            assert written == is_owner
            if written:
                del self.leases[id]
                self.answered.pop(name, None)
                if outcome:
                    self.answered[name] = start
                after = self.inbox.find(id)
                assert after is not None
                expected = "waiting" if self.starts[name] > start else state
                assert after.state == expected, "an alert that fired again is waiting, whatever the answer was"

    @rule(owner=OWNERS)
    def crash(self, owner: str) -> None:
        """Let a worker forget what it leased; its leases stay."""
        self.held = {key: row for key, row in self.held.items() if key[0] != owner}

    @rule(owner=OWNERS)
    def renew(self, owner: str) -> None:
        ids = [id for each, id in self.held if each == owner]
        kept = self.inbox.renew(owner, ids, LEASE)
        mine = [id for id in ids if self.leases.get(id, ("", 0.0))[0] == owner]
        assert kept == len(mine)
        self.leases |= dict.fromkeys(mine, (owner, self.now + LEASE))

    @rule(owner=OWNERS)
    def end_in_order(self, owner: str) -> None:
        self.inbox.release(owner)
        self.crash(owner)
        self.leases = {id: each for id, each in self.leases.items() if each[0] != owner}

    @rule(seconds=st.sampled_from([1.0, 12.0, LEASE + 1, 3600.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def nothing_is_lost(self) -> None:
        rows = {row.id: row for row in self.inbox.newest(["acme", "other"])}
        assert set(rows) == set(self.ids.values())
        for name, id in self.ids.items():
            assert rows[id].arrivals == self.arrivals[name]
            breach = rows[id].breach
            assert breach is not None and breach.observed_at == START + timedelta(hours=self.starts[name])
            if rows[id].state in ("done", "failed") and name in self.answered:
                assert self.answered[name] == self.starts[name], "a later start of the alert has no answer"


InboxStates.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=25, deadline=None)
TestInboxStates = InboxStates.TestCase
