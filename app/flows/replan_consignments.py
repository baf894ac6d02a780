"""The story of a disruption reaching goods: who is hit is found by departure, planned anew from where it is, and booked again."""

from app.core.database import Reader, Session
from app.core.jobs import Job, enqueue
from app.flows.change_ways import Giving, change_ways
from app.flows.plan_onward import NOBODY_KNOWS_WHERE, TOO_MANY_WAYS, NoWay
from app.flows.ports import Ports
from app.identity.values import Caller
from app.network.disrupt import create_disruption
from app.network.errors import RouteUnavailable, TooManyWays
from app.network.lift import lift_disruption as end_disruption
from app.network.origin_rules import OriginRule
from app.network.queries import find_disruption
from app.network.rebook import affected_consignments, giving_way, too_much
from app.network.schemas import DisruptionShape, LiftDisruption, NewDisruption
from app.network.values import AFFECTED_READ_MAX, SWEEP_AFTER, DisruptionKind
from app.routing import Reason
from app.shipments.errors import WhereaboutsUnknown
from app.shipments.queries import get_journey_for
from app.shipments.replan import Cause
from app.shipments.stranded import begun_legs, get_stranded, is_untold, list_stranded
from app.shipments.values import Journey


async def announce_disruption(
    ports: Ports, session: Session, caller: Caller, command: NewDisruption
) -> DisruptionShape:
    """Write what is not as usual, and put the job that looks after the goods.

    It runs once more when every order that was being placed meanwhile has ended: such an order may have booked what was closing.
    """
    now = ports.clock.now()
    made = await create_disruption(session, caller, command, now, await ports.timetable.current(session))
    about = {"disruption": made.id}
    await enqueue(session, [Job("network.disrupted", about), Job("network.disrupted", about, run_at=now + SWEEP_AFTER)])
    return made


async def lift_disruption(
    ports: Ports, session: Session, caller: Caller, disruption: str, command: LiftDisruption
) -> DisruptionShape:
    """Take a disruption back before its end, and put the job that tries again what has no way.

    What has another way by now stays on it. Only what is booked on a delayed run follows it, twice as above.
    """
    now = ports.clock.now()
    timetable = await ports.timetable.current(session)
    lifted, is_new = await end_disruption(session, caller, disruption, command, now, timetable)
    about = {"disruption": disruption}
    jobs = [Job("network.restored", about)]
    if lifted.kind is DisruptionKind.DELAY:
        jobs += [Job("network.disrupted", about), Job("network.disrupted", about, run_at=now + SWEEP_AFTER)]
    await enqueue(session, jobs if is_new else [])
    return lifted


async def replan_consignments(ports: Ports, disruption: str, after: str = "") -> None:
    """Job: plan anew what this disruption reaches, a batch at a time; the rest is the next job's.

    May run as often as it likes: what has a way that holds is not touched. Each consignment is a transaction of its own.
    """
    async with ports.database.read() as connection:
        row = await find_disruption(connection, disruption)
        if row is None:
            return
        ids, giving = await _who_is_hit(connection, row.kind, disruption, after)
    await _change(ports, "network.disrupted", ids, giving, Cause(disruption, row.reason))


async def retry_all_stranded(ports: Ports, disruption: str, after: str = "") -> None:
    """Job: a part of the network is there again. What has no way is tried once more, a batch at a time."""
    async with ports.database.read() as connection:
        row = await find_disruption(connection, disruption)
        waiting = await list_stranded(connection, after=after, most=AFFECTED_READ_MAX)
    ids = [each.consignment_id for each in waiting]
    await _change(ports, "network.restored", ids, {}, Cause(disruption, row.reason))


async def _change(ports: Ports, job: str, ids: list[str], giving: Giving, cause: Cause) -> None:
    """One batch, the news of it, and the job of the next batch."""
    disruption = cause.disruption_id
    assert disruption is not None
    await change_ways(ports, ids, giving, cause)
    async with ports.begin() as session:
        # Also what an earlier try changed before it broke off.
        news = await is_untold(session, disruption)
        jobs = [Job("shipment.replanned", {"disruption": disruption})] if news else []
        if len(ids) == AFFECTED_READ_MAX:
            jobs.append(Job(job, {"disruption": disruption, "after": ids[-1]}))
        await enqueue(session, jobs)


async def _who_is_hit(reader: Reader, kind: DisruptionKind, disruption: str, after: str) -> tuple[list[str], Giving]:
    """A batch of ids, the first ordered first. An extra run is there for those that have no way."""
    if kind is DisruptionKind.EXTRA:
        waiting = await list_stranded(reader, after=after, most=AFFECTED_READ_MAX)
        return [each.consignment_id for each in waiting], {}
    if kind is not DisruptionKind.CAPACITY:
        return await affected_consignments(reader, disruption, after, AFFECTED_READ_MAX), {}
    excess, last_first = await too_much(reader, disruption)
    begun = await begun_legs(reader, [held.leg_id for held in last_first], {held.consignment_id for held in last_first})
    giving = giving_way(excess, last_first, begun)
    return sorted(each for each in giving if each > after)[:AFFECTED_READ_MAX], giving


async def retry_stranded(ports: Ports, caller: Caller, consignment_id: str) -> Journey:
    """Look for a way once more, for an operator; answers the consignment with its new way.

    Raises `NotFound` when it waits for none, else why there is still none: `RouteUnavailable`, `TooManyWays`, `WhereaboutsUnknown`.
    """
    async with ports.database.read() as connection:
        stranded = await get_stranded(connection, consignment_id)
    cause = Cause(stranded.disruption_id, stranded.disruption_reason)
    found = (await change_ways(ports, [consignment_id], {}, cause)).get(consignment_id)
    if isinstance(found, NoWay):
        rule = ports.origin_rules.find(found.rule)
        raise why_none(found.reason, found.hub, stranded.destination, stranded.temperature, rule)
    async with ports.begin() as session:
        if found is not None:
            told = (
                {"disruption": stranded.disruption_id} if stranded.disruption_id else {"consignments": [consignment_id]}
            )
            await enqueue(session, [Job("shipment.replanned", told)])
        return await get_journey_for(session, caller, consignment_id)


def why_none(
    reason: str, hub: str, destination: str, temperature: str, rule: OriginRule | None = None
) -> RouteUnavailable | TooManyWays | WhereaboutsUnknown:
    """The refusal that a reason for having no way stands for; `rule` is the one that forbids it."""
    if reason == NOBODY_KNOWS_WHERE:
        return WhereaboutsUnknown()
    if reason == TOO_MANY_WAYS:
        return TooManyWays(hub, destination)
    return RouteUnavailable(Reason(reason), hub, destination, temperature, rule)
