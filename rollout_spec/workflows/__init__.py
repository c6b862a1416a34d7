"""One use case in each module: packages, git, forges and clocks combined.

Imports everything but ``cli``. ``respond`` answers breaches with rollbacks: ``decide`` chooses, ``pull_requests``
delivers. ``step`` does every other step, ``check`` checks before a merge. Start with the module that is named like the
command.
"""
