"""A rollout repository at one moment: its files, loaded by name, and edits over them.

Imports ``core`` and ``spec``. Start with ``repository``, which loads files lazily, and ``tree``. Implementations of a
tree are ``working_tree``, ``commit_tree`` and an overlay of edits. ``edits`` changes YAML text, ``files`` and
``journal`` write to disk.
"""
