"""The report of a replay as one HTML page, without scripts and without other resources.

Start with ``page``. ``output`` is the section of one output, ``charts`` and ``classes`` draw its figures, ``markup``
escapes every value.
"""

from __future__ import annotations

from rollout_spec.reports.replay_html.page import replay_html

__all__ = ["replay_html"]
