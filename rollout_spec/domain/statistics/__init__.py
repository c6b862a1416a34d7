"""Statistics of the gate: tests of counts, and comparisons of offline scores.

Each module holds one test, and names its source. Start with ``counts``, the data of all tests of live traffic. The
tests for alarms hold their false-alarm rate however often they are read. The comparisons of offline scores are
``auc`` and ``rmse``. Imports the standard library only, and knows nothing of rollouts.
"""
