"""New trees: the tree of a commit with edits applied. Nothing is checked out, and no branch moves."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rollout_spec.core import links
from rollout_spec.core.errors import UserError
from rollout_spec.integrations.git.command import ID, Plumbing, checked
from rollout_spec.integrations.git.standard_input import no_temporary_file
from rollout_spec.integrations.git.trees import Trees


class TreeEditor:
    """Writes the trees of new commits of one repository."""

    def __init__(self, plumbing: Plumbing, trees: Trees) -> None:
        self._run = plumbing.run
        self._trees = trees

    def write(self, parent: str, edits: Mapping[str, bytes | None]) -> str:
        """Write the tree of a commit with ``edits`` applied, and return its id."""
        checked(parent, ID)
        self._refuse_links(parent, edits)
        try:
            return self._written(parent, edits)
        except OSError as error:
            raise no_temporary_file(error) from None

    def _written(self, parent: str, edits: Mapping[str, bytes | None]) -> str:
        with tempfile.TemporaryDirectory(prefix="rollout-spec-", ignore_cleanup_errors=True) as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self._run("read-tree", parent, environment=index)
            lines = "".join(self._index_lines(parent, edits, Path(folder)))
            self._run("update-index", "-z", "--index-info", stdin=lines.encode(), environment=index)
            # A partial clone lacks objects that the remote has; they need not be fetched.
            return self._run("write-tree", "--missing-ok", environment=index).strip()

    def _refuse_links(self, parent: str, paths: Iterable[str]) -> None:
        for folder in sorted({path.rpartition("/")[0] for path in paths}):
            self._refuse_file(parent, folder)
            link = self._trees.link(parent, folder) if folder else None
            if link is not None:
                message = f"{link} is a link or a submodule in {parent[:12]}; files are not written through it"
                raise UserError(message, hint=links.HINT, status=1)

    def _refuse_file(self, parent: str, folder: str) -> None:
        """Raise UserError if a part of a folder's path is a file in a commit; git would replace it."""
        parts = folder.split("/") if folder else []
        for count in range(1, len(parts) + 1):
            above, name = "/".join(parts[: count - 1]), parts[count - 1]
            entry = self._trees.folder(parent, above).get(name)
            if entry is not None and entry.is_file:
                path = "/".join(parts[:count])
                raise UserError(f"{path} is a file in {parent[:12]}", hint="make it a folder or remove it", status=1)

    def _index_lines(self, parent: str, edits: Mapping[str, bytes | None], folder: Path) -> Iterator[str]:
        """Write the new contents in one process, and give the index line of each path."""
        new = {path: content for path, content in sorted(edits.items()) if content is not None}
        for number, content in enumerate(new.values()):
            (folder / str(number)).write_bytes(content)
        blob_paths = "".join(f"{folder / str(number)}\n" for number in range(len(new)))
        arguments = ("hash-object", "-w", "--no-filters", "--stdin-paths")
        ids = self._run(*arguments, stdin=blob_paths.encode()).split() if new else []
        for path, oid in zip(new, ids, strict=True):
            entry = self._trees.entry(parent, path)
            yield f"{'100755' if entry and entry.is_program else '100644'} {oid}\t{path}\0"
        yield from (f"0 {'0' * len(parent)}\t{path}\0" for path in sorted(edits) if path not in new)
