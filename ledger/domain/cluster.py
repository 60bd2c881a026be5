"""A cluster: registered, renamed, closed."""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import facts as f
from ledger.domain import refusals as r
from ledger.domain.facts import Fact
from ledger.domain.history import Law
from ledger.domain.refusals import Refusal


class Cluster(Struct, frozen=True):
    """`names` are (first day, name) in fold order."""

    code: str = ""
    registered: int = 0
    effective_on: date | None = None
    names: tuple[tuple[date, str], ...] = ()
    closed_on: date | None = None

    @property
    def exists(self) -> bool:
        """Whether its registration stands."""
        return self.registered > 0


def evolve(state: Cluster, fact: Fact) -> Cluster:
    match fact:
        case f.ClusterRegistered():
            return replace(
                state,
                code=fact.cluster,
                registered=state.registered + 1,
                effective_on=fact.effective_on,
                names=(*state.names, (fact.effective_on, fact.name)),
            )
        case f.ClusterRenamed():
            return replace(
                state, code=fact.cluster, names=(*state.names, (fact.effective_on, fact.name))
            )
        case f.ClusterClosed():
            return replace(state, code=fact.cluster, closed_on=fact.effective_on)
    return state


def objection(state: Cluster, fact: Fact) -> Refusal | None:
    if isinstance(fact, f.ClusterRegistered) and state.registered:
        return r.AlreadyRegistered(entity=fact.cluster)
    if state.closed_on is not None:
        return r.AlreadyClosed(cluster=state.code, closed_on=state.closed_on)
    return None


def flaw(state: Cluster) -> Refusal | None:
    if state.names or state.closed_on:
        return None if state.registered else r.UnknownCluster(cluster=state.code)
    return None


LAW = Law(Cluster(), evolve, objection, flaw)
