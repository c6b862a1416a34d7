"""A sync loop as Argo CD has one: each second it fetches the base, and puts its manifests where they are read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from prometheus_objects import objects_of
from repo import git

from stack.workspace import OPERATOR

_SECONDS = 1.0


@dataclass
class Sync:
    """A clone of the remote, and the folders that Envoy and Prometheus read.

    ``applied`` has the time at which each commit of the base was applied.
    """

    clone: Path
    routes: Path
    rules: Path
    reload: Callable[[], None] = lambda: None
    applied: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def once(self) -> None:
        """Fetch the base, and apply it if it has moved. A file is replaced by a rename, so that none is half read."""
        git(self.clone, "fetch", "-q", "origin", "main")
        commit = git(self.clone, "rev-parse", "FETCH_HEAD")
        if commit in self.applied:
            return
        _replace(self.routes / "fraud.yaml", git(self.clone, "show", f"{commit}:manifests/fraud/envoy.yaml"))
        objects = objects_of(git(self.clone, "show", f"{commit}:{OPERATOR}"))
        _replace(self.rules / "fraud.yaml", yaml.safe_dump(objects["PrometheusRule"]["spec"]))
        at = time.time()
        self.reload()
        self.applied[commit] = at

    def _follow(self, ended: threading.Event) -> None:
        while not ended.wait(_SECONDS):
            try:
                self.once()
            except Exception as error:
                self.errors.append(repr(error))

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow the base until the end of the block."""
        ended = threading.Event()
        thread = threading.Thread(target=self._follow, args=(ended,), name="sync")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _replace(file: Path, text: str) -> None:
    new = file.with_name(f".{file.name}.new")
    new.write_text(text + "\n", "utf-8")
    new.rename(file)


def clone(folder: Path, url: str, secret: str) -> Path:
    """Clone the remote over HTTP, with the credentials of a reader."""
    scheme, _, rest = url.partition("://")
    git(folder, "clone", "-q", "--bare", f"{scheme}://sync:{secret}@{rest}", str(folder / "sync.git"))
    return folder / "sync.git"
