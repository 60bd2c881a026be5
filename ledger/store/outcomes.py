"""What keeps facts from being recorded, other than a rule: nothing was decided against them."""


class WriterBusy(Exception):
    """The queue of facts to be recorded is full. Try again in {retry_after_s} s."""

    retry_after_s = 1

    def __init__(self) -> None:
        super().__init__((type(self).__doc__ or "").format(retry_after_s=self.retry_after_s))


class OutcomeUnknown(Exception):
    """The database did not answer.

    Post the same facts again: what was recorded is not recorded twice.
    """

    def __init__(self) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").split()))


class DiskFull(OutcomeUnknown):
    """The database's disk is full.

    Post the same facts again when there is room: what was recorded is not recorded twice.
    """


class WriterClosed(Exception):
    """The service is stopping and takes no more facts."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)
