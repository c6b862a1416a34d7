"""Reports of the gate and of passes: as text, JSON, Markdown and a chart.

Imports ``domain`` and below. Pure: each function returns text or plain data. Start with ``gate_text``;
``gate_markdown`` is the evidence in the pull request of a gated step, ``gate_chart`` the picture.
"""
