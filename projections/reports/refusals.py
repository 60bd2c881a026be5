"""Why a report is not made, filed or compared: as with figures, a code, a sentence, the allowed."""

from projections.figures.refusals import FigureRefusal


class UnknownReport(FigureRefusal):
    """There is no report {report}."""


class UnknownReportVersion(FigureRefusal):
    """The report {report} has no version {version}."""


class UnknownReportParameter(FigureRefusal):
    """The report {report} takes no parameter {parameter}."""


class ReportsNotComparable(FigureRefusal):
    """{difference} differs: a restatement compares one report with itself at a later position."""


class ImportOpen(FigureRefusal):
    """Of {activities} activities of the period the attendance list has not come in full (persons
    recorded/rows announced): {first}."""

    @property
    def fix(self) -> str:
        """What helps, and how to file nevertheless."""
        return (
            "Record the attendances that are missing, or void a list that announces too many rows."
            " To file nevertheless, add the parameter open_imports=accepted: the filing keeps it."
        )


class ReportMismatch(Exception):
    """The report filed at {position} has the digest {filed}, made again it has {made}."""

    def __init__(self, *, position: int, filed: str, made: str) -> None:
        super().__init__(
            (type(self).__doc__ or "").format(position=position, filed=filed, made=made)
        )
        self.position = position
        self.filed = filed
        self.made = made
