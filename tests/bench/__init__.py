"""`make bench`: every promised speed, each measured beside its limit in the same run.

`python -m tests.bench [--json] [--quick] [--only NAME[,NAME]] [--scale10 | --no-scale10]
[--keep DIR] [--write docs/performance.md]`.
"""
