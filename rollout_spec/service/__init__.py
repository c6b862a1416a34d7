"""The webhook service: monitors post breaches, and each is answered once, even if a process is killed meanwhile.

Imports ``workflows`` and below. ``app`` receives posts and stores them in the ``inbox``; ``worker``, another process,
answers them through ``workflows.respond``. ``run`` starts both. Start with ``inbox``: it holds all state besides git.
"""
