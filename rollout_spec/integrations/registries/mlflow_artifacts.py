"""The artifacts that an MLflow server stores itself: ``mlflow-artifacts:/…``."""

from __future__ import annotations

from typing import BinaryIO, cast
from urllib.parse import quote, urlsplit

from rollout_spec.core.errors import UserError
from rollout_spec.core.text import excerpt
from rollout_spec.integrations.http_connection import UnreachableError
from rollout_spec.integrations.http_download import download
from rollout_spec.integrations.registries import mlflow_answers as answers
from rollout_spec.integrations.registries.mlflow import SECONDS, MlflowRegistry
from rollout_spec.integrations.storage import MOST_FILES, StoredFile

SCHEME = "mlflow-artifacts"
_API = "/api/2.0/mlflow-artifacts/artifacts"
_MOST_FOLDERS = 2_000


class MlflowArtifacts:
    """The artifacts of one MLflow server. An address that names another server is refused."""

    def __init__(self, registry: MlflowRegistry) -> None:
        self._registry = registry

    def files(self, address: str) -> list[StoredFile]:
        """Return the file at an address, or all files below it, sorted by name; none if nothing is there."""
        path = self._path(address)
        found = self._below(path, address)
        if found:
            return sorted(found, key=lambda file: file.name)
        folder, _, name = path.rpartition("/")
        return [
            StoredFile(f"{SCHEME}:/{path}", name, size, is_whole=True)
            for entry, is_folder, size in self._entries(folder)
            if name and entry.rpartition("/")[2] == name and not is_folder
        ]

    def open(self, file: StoredFile) -> BinaryIO:
        """Open a listed file for reading. UserError if the server does not send it."""
        server = self._registry.server
        path = f"{_API}/{quote(self._path(file.address))}"
        try:
            return cast(BinaryIO, download(server, path, self._registry.headers, SECONDS))
        except UnreachableError as error:
            raise self._registry.error(str(error)) from None

    def _path(self, address: str) -> str:
        """Return the path of an address on this server. UserError if it is on another one."""
        parts = urlsplit(address)
        server = self._registry.server
        if parts.netloc and parts.netloc not in (server.host, f"{server.host}:{server.port}"):
            message = f"{excerpt(address)} is on another server than {server}"
            raise UserError(message, hint="write `mlflow-artifacts:/PATH`")
        path = parts.path.strip("/")
        if parts.query or parts.fragment or any(part in ("", ".", "..") for part in path.split("/") if path):
            raise UserError(f"{excerpt(address)} is not the address of an artifact")
        return path

    def _below(self, path: str, address: str) -> list[StoredFile]:
        """Return the files below a folder. UserError if there are very many files or folders."""
        found: list[StoredFile] = []
        folders, asked = [""], 0
        while folders:
            prefix, asked = folders.pop(), asked + 1
            for entry, is_folder, size in self._entries(f"{path}/{prefix}".strip("/")):
                name = entry.rpartition("/")[2]
                if name in ("", ".", ".."):
                    raise self._registry.error(f"it lists an unusual path: {excerpt(entry)}")
                if is_folder:
                    folders.append(f"{prefix}{name}/")
                else:
                    found.append(StoredFile(f"{SCHEME}:/{path}/{prefix}{name}", f"{prefix}{name}", size))
            if len(found) > MOST_FILES or asked + len(folders) > _MOST_FOLDERS:
                message = f"{excerpt(address)} has more than {MOST_FILES} files or {_MOST_FOLDERS} folders"
                raise UserError(message, hint="name a smaller part of it")
        return found

    def _entries(self, path: str) -> list[tuple[str, bool, int]]:
        answer = self._registry.get(_API, {"path": path})
        return list(self._registry.read(lambda found: list(answers.files_of(found)), answer)) if answer else []
