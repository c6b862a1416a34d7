"""GitLab, by python-gitlab.

Imports ``core`` and the modules of ``integrations.forges``. Start with ``client``; ``notes`` reads the actions of
people.
"""
