"""GitHub, on github.com and in an Enterprise: drafts and auto-merge are changed by GraphQL, all else by REST."""

from __future__ import annotations

import re
from dataclasses import replace

from github import Github
from github.PullRequest import PullRequest as Theirs
from github.Repository import Repository

from rollout_spec.change import Change, PullRequest
from rollout_spec.forges import wording
from rollout_spec.forges.access import Access
from rollout_spec.forges.github_app import answers, authority, owner_and_name
from rollout_spec.forges.transport import TIMEOUT, Refused, ensure, patience

LONGEST_BODY = 65_536
LONGEST_LABEL = 50
_QUEUE = "merge queue"


class GitHub:
    """Pull requests of one repository."""

    def __init__(self, repository: Repository, owner: str, secret: str) -> None:
        self._repository = repository
        self._owner = owner
        self._secret = secret
        self._known: dict[int, Theirs] = {}

    @classmethod
    def connect(cls, access: Access) -> GitHub:
        """Return the forge; nothing is asked yet, but for the token of an App."""
        owner, name = owner_and_name(access)
        auth = authority(access)
        client = Github(
            auth=auth,
            base_url=access.address("github"),
            timeout=TIMEOUT,
            retry=patience(),
            per_page=100,
            user_agent="rollout-spec",
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        return cls(client.get_repo(f"{owner}/{name}"), owner, auth.token)

    def find(self, head: str, base: str) -> PullRequest | None:
        """Return the newest pull request from a branch of this repository, and of no fork."""
        with answers("list pull requests", secret=self._secret):
            requester = self._repository.requester
            wish = {"state": "all", "head": f"{self._owner}:{head}", "base": base, "per_page": 100}
            headers, listed = requester.requestJsonAndCheck("GET", f"{self._repository.url}/pulls", parameters=wish)
            if not isinstance(listed, list):  # PyGithub takes a redirection for an empty list
                raise TypeError("it is no list")
            found = [Theirs(requester, headers, each) for each in listed]
            return wording.newest([self._read(each) for each in found if each.head.ref == head])

    def ensure(self, change: Change, head_sha: str, base: str) -> PullRequest:
        """Return the pull request from the change's branch, whatever its state; open one where there is none."""
        return ensure(
            change,
            base,
            find=self.find,
            begin=lambda: self._open(change, base, draft=change.draft),
            ready=self._ready,
            taken=lambda refused: refused.code == 422 and "already exists" in refused.words,
        )

    def mark(self, pull: PullRequest, labels: tuple[str, ...], reviewers: tuple[str, ...]) -> tuple[str, ...]:
        """Ask for reviews and label; GitHub makes labels that it does not know."""
        wanted = [label[:LONGEST_LABEL] for label in labels]
        if wanted and set(wanted) <= set(pull.labels):
            return ()
        notes = tuple(note for name in reviewers if (note := self._ask(self._theirs(pull), name)))
        if wanted:
            with answers("label the pull request", secret=self._secret):
                self._theirs(pull).add_to_labels(*wanted)
        return notes

    def comment(self, pull: PullRequest, key: str, text: str) -> None:
        """Write the comment of a key, or edit it where it says something else."""
        wanted = wording.body(wording.marked(text, key), LONGEST_BODY)
        with answers("take the comment", secret=self._secret):
            theirs = self._theirs(pull)
            for each in theirs.get_issue_comments():
                if wording.marker(key) in each.body:
                    if not wording.same(each.body, wanted):
                        each.edit(wanted)
                    return
            theirs.create_issue_comment(wanted)

    def arm(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Enable auto-merge; GitHub refuses where nothing is to be waited for, and then it is merged."""
        if pull.armed:
            return pull
        theirs = self._theirs(pull)
        try:
            with answers("arm the merge", secret=self._secret):
                theirs.enable_automerge(merge_method=self._method(), expected_head_oid=head_sha)
            return replace(pull, armed=True)
        except Refused as error:
            if not self._may_merge_now(pull, error):
                raise
        try:
            with answers("merge", secret=self._secret):
                done = theirs.merge(sha=head_sha, merge_method=self._method().lower())
            return replace(pull, state="merged", merge_sha=done.sha)
        except Refused as error:
            if _QUEUE not in error.words.lower():
                raise
        return self._enqueue(pull, head_sha)

    def _may_merge_now(self, pull: PullRequest, error: Refused) -> bool:
        """Is there nothing to wait for? Where the repository has no auto-merge, the pull request is looked at."""
        if re.search(r"in clean status", error.words, re.IGNORECASE):
            return True
        if not re.search(r"auto.?merge is not allowed", error.words, re.IGNORECASE):
            return False
        error.hint = "allow auto-merge in the settings of the repository"
        with answers("show the pull request", secret=self._secret):
            return self._repository.get_pull(pull.number).mergeable_state == "clean"

    def _enqueue(self, pull: PullRequest, head_sha: str) -> PullRequest:
        """Add to the merge queue, which is the only way onto a branch that has one."""
        wish = {"pullRequestId": self._theirs(pull).node_id, "expectedHeadOid": head_sha}
        with answers("add the pull request to the merge queue", secret=self._secret):
            self._repository.requester.graphql_named_mutation(
                "enqueuePullRequest", wish, "mergeQueueEntry { position }"
            )
        return replace(pull, armed=True)

    def _open(self, change: Change, base: str, *, draft: bool) -> PullRequest:
        """Open a pull request. Where the owner's plan has no drafts, its title says what it is."""
        try:
            with answers("open the pull request", secret=self._secret):
                made = self._repository.create_pull(
                    base,
                    change.branch,
                    title=wording.title(change.title, "Draft: " if change.draft and not draft else ""),
                    body=wording.body(change.body, LONGEST_BODY),
                    draft=draft,
                    maintainer_can_modify=False,
                )
                return self._read(made)
        except Refused as error:
            if not draft or "raft pull requests are not supported" not in error.words:
                raise
        return self._open(change, base, draft=False)

    def _ready(self, pull: PullRequest) -> PullRequest:
        with answers("mark the pull request as ready", secret=self._secret):
            self._theirs(pull).mark_ready_for_review()
        return replace(pull, draft=False)

    def _ask(self, theirs: Theirs, name: str) -> str | None:
        """Ask one person or team for a review, and say why not where that is refused: it stops nothing."""
        login = name.removeprefix("@")
        slug = login.rpartition("/")[2]
        for people, teams in (([], [slug]),) if "/" in login else (([login], []), ([], [slug])):
            try:
                with answers("ask for the review", secret=self._secret):
                    theirs.create_review_request(reviewers=people, team_reviewers=teams)
                return None
            except Refused as error:
                if error.code not in (403, 404, 422):
                    raise
                refused = error
        return wording.nobody(name, f"as a person and as a team it was refused ({refused.words})")

    def _method(self) -> str:
        """Return how to merge: by a merge commit, where the repository allows it, as that keeps the commit's id."""
        with answers("show the repository", secret=self._secret):
            allowed = {
                "MERGE": self._repository.allow_merge_commit,
                "SQUASH": self._repository.allow_squash_merge,
                "REBASE": self._repository.allow_rebase_merge,
            }
        return next((name for name, is_allowed in allowed.items() if is_allowed), "MERGE")

    def _theirs(self, pull: PullRequest) -> Theirs:
        if pull.number not in self._known:
            with answers("show the pull request", secret=self._secret):
                self._known[pull.number] = self._repository.get_pull(pull.number)
        return self._known[pull.number]

    def _read(self, theirs: Theirs) -> PullRequest:
        self._known[theirs.number] = theirs
        merged = theirs.merged_at is not None
        return PullRequest(
            theirs.number,
            theirs.html_url,
            "merged" if merged else theirs.state,
            theirs.head.ref,
            theirs.base.ref,
            theirs.head.sha,
            bool(theirs.draft),
            tuple(label.name for label in theirs.labels),
            armed=bool(theirs.auto_merge),
            merge_sha=theirs.merge_commit_sha if merged else None,
        )
