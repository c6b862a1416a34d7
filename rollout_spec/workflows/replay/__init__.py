"""Replay of logged requests: the failed version's traffic through the restored version.

``run`` is the whole use case. ``versions`` chooses the versions, ``selection`` the requests of the logs, ``sending``
asks the server, ``compare`` reads the journal, ``evidence`` edits the incident.
"""

from __future__ import annotations

from rollout_spec.workflows.replay.run import ReplayRequest, ServerOptions, replay

__all__ = ["ReplayRequest", "ServerOptions", "replay"]
