"""Pull requests on github.com and GitHub Enterprise.

GraphQL is for drafts and auto-merge, REST for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

from github import Github
from github.PullRequest import PullRequest as Theirs
from github.Repository import Repository

from rollout_spec.core.pull_request import Interventions, ProposedChange, PullRequest
from rollout_spec.integrations.forges import text as wording
from rollout_spec.integrations.forges.capabilities import TokenCapabilities
from rollout_spec.integrations.forges.credentials import Access, app_is_set
from rollout_spec.integrations.forges.github import capabilities as github_standing
from rollout_spec.integrations.forges.github import status as github_status
from rollout_spec.integrations.forges.github import timeline as github_timeline
from rollout_spec.integrations.forges.github.api import Asked, address_of, answers
from rollout_spec.integrations.forges.github.app import authority, granted, owner_and_name
from rollout_spec.integrations.forges.github.merge import Merging
from rollout_spec.integrations.forges.http import TIMEOUT, ForgeError, ask_for_review, ensure, patience
from rollout_spec.integrations.forges.probes import first_merge
from rollout_spec.integrations.forges.statuses import is_due, refuse_changed

LONGEST_BODY = 65_536
LONGEST_LABEL = 50
NO_DRAFTS = "Draft: "
"""The prefix of a draft's title, if the owner's plan has no drafts."""


class GitHub:
    """Pull requests of one repository. ``granted`` are the permissions of an App, None for a token."""

    attests_first = False  # GitHub refuses auto-merge if only optional checks are pending; a status triggers it

    def __init__(
        self, repository: Repository, name: str, secret: str, granted: Callable[[], dict[str, str]] | None
    ) -> None:
        self._repository = repository
        self._name = name
        self._secret = secret
        self._granted = granted
        self._known: dict[int, Theirs] = {}

    @classmethod
    def connect(cls, access: Access) -> GitHub:
        """Return the forge. Only the token of an App is requested."""
        name = "/".join(owner_and_name(access))
        auth = authority(access)
        client = Github(
            auth=auth,
            base_url=address_of(access),
            timeout=TIMEOUT,
            retry=patience(),
            per_page=100,
            user_agent="rollout-spec",
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        app = partial(granted, access) if app_is_set() else None
        return cls(client.get_repo(name), name, auth.token, app)

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest pull request from a branch of this repository, and of no fork."""
        with answers("list pull requests", secret=self._secret):
            requester = self._repository.requester
            owner = self._name.partition("/")[0]
            wish = {"state": "all", "head": f"{owner}:{head}", "base": base, "per_page": 100}
            headers, listed = requester.requestJsonAndCheck("GET", f"{self._repository.url}/pulls", parameters=wish)
            if not isinstance(listed, list):  # PyGithub reads a redirect as an empty list
                raise TypeError("expected a list")
            found = [Theirs(requester, headers, each) for each in listed]
            return wording.newest([self._read(each) for each in found if each.head.ref == head and self._has(each)])

    def ensure_pull_request(self, change: ProposedChange, head_sha: str, base: str) -> PullRequest:
        """Return the pull request from the change's branch, whatever its state; open one if there is none."""
        return ensure(
            change,
            base,
            find=self.find,
            begin=lambda: self._open(change, base, draft=change.draft),
            taken=lambda refused: refused.code == 422 and "already exists" in refused.reason,
        )

    def ready(self, pull: PullRequest) -> PullRequest:
        """Mark an open draft as ready for review."""
        if pull.state != "open" or not pull.draft:
            return pull
        with answers("mark the pull request as ready", secret=self._secret):
            self._theirs(pull).mark_ready_for_review()
        return replace(pull, draft=False)

    def interventions(self, pull: PullRequest) -> Interventions:
        """Return the changes that a person made to a pull request at its present head, by its timeline."""
        return github_timeline.interventions(self._repository, self._theirs(pull), self._secret)

    def update(self, pull: PullRequest, change: ProposedChange, head_sha: str) -> PullRequest:
        """Update the title and body. A Draft prefix, on a plan without drafts, stays."""
        with answers("update the pull request", secret=self._secret):
            theirs = self._as_it_is(pull)
            before = NO_DRAFTS if theirs.title.startswith(NO_DRAFTS) else ""
            theirs.edit(title=wording.title(change.title, before), body=wording.body(change.body, LONGEST_BODY))
            return replace(self._read(theirs), head_sha=head_sha)

    def close(self, pull: PullRequest) -> None:
        """Close an open pull request without a merge; GitHub cancels its auto-merge."""
        with answers("close the pull request", secret=self._secret):
            theirs = self._as_it_is(pull)
            if theirs.state == "open":
                theirs.edit(state="closed")

    def label_and_request_review(
        self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Request reviews and add labels; GitHub creates unknown ones."""
        wanted = [label[:LONGEST_LABEL] for label in labels]
        if wanted and set(wanted) <= set(pull.labels):
            return ()
        asked = (ask_for_review(name, partial(self._ask, self._theirs(pull))) for name in reviewers)
        notes = tuple(note for note in asked if note)
        if wanted:
            with answers("label the pull request", secret=self._secret):
                self._theirs(pull).add_to_labels(*wanted)
        return notes

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Write the comment of a key, or edit it if its text differs."""
        wanted = wording.body(wording.marked(text, key), LONGEST_BODY)
        with answers("take the comment", secret=self._secret):
            theirs = self._theirs(pull)
            for each in theirs.get_issue_comments():
                if wording.is_marked(each.body, key):
                    if not wording.same(each.body, wanted):
                        each.edit(wanted)
                    return
            theirs.create_issue_comment(wanted)

    def enable_auto_merge(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Enable auto-merge, add to the merge queue of the branch, or merge if nothing is pending."""
        if pull.auto_merge_enabled:
            return pull
        return Merging(self._repository, self._theirs(pull), self._secret).enable_auto_merge(pull, head_sha)

    def attest(self, pull: PullRequest, commit: str, context: str, description: str) -> None:
        """Set the status of a context at the head of a pull request to success."""
        asked = Asked(self._repository, self._name, self._secret)
        if not is_due(github_status.newest(asked, commit, context), context, commit):
            return
        with answers("show the pull request", secret=self._secret):
            now = self._read(self._as_it_is(pull))
        refuse_changed(now, pull, commit)
        github_status.succeed(asked, commit, context, description)

    def standing(self, base: str) -> TokenCapabilities:
        """Return the permissions of the token and the protection of the base; change nothing."""
        return github_standing.standing(self._repository, self._name, self._secret, base, self._granted)

    def merged_at(self, commit: str, base: str) -> datetime | None:
        """Return when a commit came onto the base.

        The commit may be one of a pull request, or its merge, squash or rebase.
        """
        url = f"{self._repository.url}/commits/{quote(commit)}/pulls"
        try:
            with answers("look for the pull request of a commit", secret=self._secret):
                requester = self._repository.requester
                _, found = requester.requestJsonAndCheck("GET", url, parameters={"per_page": 100})
                ours = [each for each in found if each["base"]["repo"]["full_name"].lower() == self._name.lower()]
                merges = [(each["base"]["ref"], each["merged_at"]) for each in ours]
        except ForgeError as error:
            if error.code != 422:  # no such commit
                raise
            return None
        return first_merge("github", merges, base)

    def _open(self, change: ProposedChange, base: str, *, draft: bool) -> PullRequest:
        """Open a pull request. If the owner's plan has no drafts, the title marks a draft."""
        try:
            with answers("open the pull request", secret=self._secret):
                made = self._repository.create_pull(
                    base,
                    change.branch,
                    title=wording.title(change.title, NO_DRAFTS if change.draft and not draft else ""),
                    body=wording.body(change.body, LONGEST_BODY),
                    draft=draft,
                    maintainer_can_modify=False,
                )
                return self._read(made)
        except ForgeError as error:
            if not draft or "raft pull requests are not supported" not in error.reason:
                raise
        return self._open(change, base, draft=False)

    def _ask(self, theirs: Theirs, people: list[str], teams: list[str]) -> None:
        with answers("ask for the review", secret=self._secret):
            theirs.create_review_request(reviewers=people, team_reviewers=teams)

    def _theirs(self, pull: PullRequest) -> Theirs:
        if pull.number not in self._known:
            with answers("show the pull request", secret=self._secret):
                self._known[pull.number] = self._repository.get_pull(pull.number)
        return self._known[pull.number]

    def _as_it_is(self, pull: PullRequest) -> Theirs:
        theirs = self._known[pull.number] = self._repository.get_pull(pull.number)
        if theirs.state not in ("open", "closed"):  # PyGithub reads any JSON as a pull request
            raise TypeError("expected a pull request")
        return theirs

    def _has(self, theirs: Theirs) -> bool:
        """Return whether the branch is one of this repository: a fork of the same owner is listed too."""
        repository: Repository | None = theirs.head.repo
        return repository is not None and repository.full_name.lower() == self._name.lower()

    def _read(self, theirs: Theirs) -> PullRequest:
        self._known[theirs.number] = theirs
        state = "merged" if theirs.merged_at is not None else theirs.state
        return PullRequest(
            theirs.number,
            theirs.html_url,
            state,
            theirs.head.ref,
            theirs.base.ref,
            theirs.head.sha,
            bool(theirs.draft),
            tuple(label.name for label in theirs.labels),
            auto_merge_enabled=bool(theirs.auto_merge),
            merge_sha=theirs.merge_commit_sha if state == "merged" else None,
            closed_at=theirs.closed_at.astimezone(UTC) if state == "closed" and theirs.closed_at else None,
        )
