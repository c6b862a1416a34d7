"""The webhook service: monitors post breaches, and each is answered once.

Imports ``workflows`` and below. ``app`` receives posts and stores them in the ``inbox``; ``worker``, another process,
answers them through ``workflows.respond``, so that a killed process loses nothing. ``run`` starts both. Start with
``inbox``: it holds all state that is not in git.
"""
