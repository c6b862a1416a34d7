"""Commits, branches and remotes of a git repository.

Imports ``core``. Start with ``repository``, which reads and builds commits. ``remote`` fetches and pushes, ``mirror``
keeps a bot's own clone, ``commit`` writes a commit of the checkout and ``committable`` lists obstacles to that.
``trees`` reads folders of commits, ``tree_editor`` writes new trees. ``folders`` and ``entries`` know git's files,
``signing`` the authors and signatures of commits. ``command`` starts git with the settings of ``environment``, and
``objects`` reads its objects.
"""
