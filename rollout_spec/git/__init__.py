"""Git is where a rollout is live: it is read, added to and asked here, and nothing above knows how it is started.

``clone`` is what commits hold and how one is made, ``remotes`` what replicas share, ``mirror`` a bot's own clone,
``committing`` a person's commit and ``committable`` what forbids one; ``folders`` is where git keeps its files,
``entries`` what it has of one; ``authorship`` says whose a commit is, ``plumbing`` starts git, ``objects`` reads.
"""
