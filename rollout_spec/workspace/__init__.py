"""A rollout repository at one moment: its files, loaded by name, and edits over them.

Imports ``core`` and ``spec``. Start with ``repository``, which loads files lazily, and ``tree``: the working tree, a
commit, or another tree with edits over it. ``edits`` changes YAML text, ``files`` and ``journal`` write to disk.
"""
