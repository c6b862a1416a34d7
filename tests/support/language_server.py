"""An editor, as far as a language server can see one: it opens files, and asks what stands where."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

Message = dict[str, Any]

SILENCE = 60
"""Seconds after which a server that does not answer has failed."""


class Editor:
    """One session with a server over stdio. Lines and columns count from 0, as the protocol has it."""

    def __init__(self, process: subprocess.Popen[bytes], settings: Mapping[str, Any]) -> None:
        self._process = process
        self._settings = settings
        self._number = 0

    def start(self, folder: Path) -> None:
        """Say where the files are, and what can be shown."""
        document = {
            "completion": {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": True}},
            "hover": {"contentFormat": ["markdown"]},
            "publishDiagnostics": {},
        }
        capabilities = {"textDocument": document, "workspace": {"configuration": True}}
        self.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities})
        self._tell("initialized", {})

    def open(self, file: Path, text: str) -> list[Message]:
        """Open a file that was not opened before, with text that need not be saved, and return its diagnostics."""
        document = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        told = self._until(
            lambda message: (
                message.get("method") == "textDocument/publishDiagnostics"
                and message["params"]["uri"] == document["uri"]
            )
        )
        diagnostics: list[Message] = told["params"]["diagnostics"]
        return diagnostics

    def ask_at(self, question: str, file: Path, line: int, column: int) -> Any:
        """Ask for the ``hover`` or the ``completion`` at a place in an open file."""
        place = {"textDocument": {"uri": file.as_uri()}, "position": {"line": line, "character": column}}
        return self.ask(f"textDocument/{question}", place)

    def ask(self, method: str, parameters: Message) -> Any:
        """Send a request, and return the answer."""
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": parameters})
        answer = self._until(lambda message: message.get("id") == number and "method" not in message)
        assert "error" not in answer, answer
        return answer["result"]

    def _tell(self, method: str, parameters: Message) -> None:
        self._send({"method": method, "params": parameters})

    def _until(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the next message that is wanted; what the server asks meanwhile is answered."""
        patience = Timer(SILENCE, self._process.kill)
        patience.start()
        try:
            while not wanted(message := self._receive()):
                if "id" in message and "method" in message:
                    self._send({"id": message["id"], "result": self._answer(message)})
            return message
        finally:
            patience.cancel()

    def _answer(self, message: Message) -> Any:
        if message["method"] != "workspace/configuration":
            return None
        return [self._settings.get(item.get("section", "")) for item in message["params"]["items"]]

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> Message:
        assert self._process.stdout
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server has ended"
        message: Message = json.loads(self._process.stdout.read(length))
        return message


@contextmanager
def editing(command: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> Iterator[Editor]:
    """Start a server for a folder, and end it. ``settings`` are those of the user, by section."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder) as process:
        try:
            editor = Editor(process, settings)
            editor.start(folder)
            yield editor
        finally:
            process.kill()
