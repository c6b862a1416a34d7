"""Rollouts rendered to manifests, by the templates of a target.

Imports ``domain`` and below. To add a target: a folder in ``templates/``, without Python. Start with ``renderer``.
``context`` is the data of a template, ``filling`` runs Jinja: in our process for a shipped target, in a bounded one for
a target of the workspace. ``domain.targets`` has the definitions of targets and their options.
"""
