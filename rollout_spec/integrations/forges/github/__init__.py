"""GitHub and GitHub Enterprise, by PyGithub.

Imports ``core`` and the modules of ``integrations.forges``. Start with ``client``. ``app`` authenticates an App,
``merge`` enables auto-merge, ``timeline`` reads the actions of people.
"""
