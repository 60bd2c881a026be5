"""A small programme for reports: two activities of 2018, one of them joint, members, a project."""

from __future__ import annotations

from tests.figures.history import History


def joint_programme(past: History) -> None:
    """Rail and food hold the fair together; rail alone the talk; `a` and `b` are members."""
    past.company("a", "b", "c")
    past.company("uni", kind="university")
    past.member("a", "rail", "2016-01-01")
    past.member("b", "rail", "2018-05-01")
    past.member("uni", "food", "2017-01-01")
    past.activity("fair", "rail", "food", on="2018-06-01")
    past.activity("talk", "rail", on="2018-09-01")
    past.came("fair", ["anna", "ben"], "a")
    past.came("fair", ["cleo"], "c")
    past.headcount("fair", 40, "total")
    past.headcount("talk", 7, "unlisted")
    past.project("green", "rail", "food", on="2018-02-01")
    past.enrolled("green", "a", "2018-02-01")
    past.enrolled("green", "uni", "2018-02-01")
