"""A target turns a rollout into manifests. To add one, add a folder to ``templates/``: no Python is needed.

``facts`` is the data that templates get, ``filling`` fills them in, and ``render`` has that done: here for a shipped
target, in a confined process for one of the workspace. Only ``filling`` loads Jinja. Which targets there are, and what
options they take, ``rollout_spec.catalog`` knows.
"""
