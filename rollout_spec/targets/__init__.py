"""A target turns a rollout into manifests. To add one, add a folder to ``templates/``: no Python is needed.

``facts`` is the data that templates get, and ``render`` fills them in; they import each other in that order. Only
``render`` loads Jinja. Which targets there are, and what options they take, ``rollout_spec.catalog`` knows.
"""
