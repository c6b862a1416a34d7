"""Use cases, one in each module: packages, git, forges and clocks combined.

Imports everything except ``cli``. ``respond`` answers breaches with rollbacks: ``decide`` prepares, ``pull_requests``
delivers. ``step`` does every other step, ``check`` checks before a merge. Start with the module that has the
command's name.
"""
