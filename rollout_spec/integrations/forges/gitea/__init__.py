"""Gitea and Forgejo, by their HTTP API.

Imports ``core`` and the modules of ``integrations.forges``. Start with ``client``; ``timeline`` reads the actions of
people.
"""
