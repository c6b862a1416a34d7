"""Reports of the gate, of passes, of the status and of past steps.

They are text, JSON, Markdown and a chart. Imports ``domain`` and below. Pure: each function returns text or plain data.
Start with ``gate_text``; ``gate_markdown`` is the evidence in the pull request of a gated step, ``gate_chart`` the
picture. ``status_table`` has a line for each rollout, ``history_text`` three for each past step.
"""
