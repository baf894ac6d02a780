"""The story of telling buyers that goods of theirs are called back, or are not any more: once for each order."""

from collections.abc import Mapping

from app.core.jobs import Job, enqueue
from app.core.text import pick
from app.flows.ports import Ports
from app.identity.service import contacts_of_persons
from app.identity.values import Contact
from app.notify.service import queue_messages
from app.notify.values import Notice, Template
from app.recalls.models import Recall
from app.recalls.service import TOLD_AT_ONCE_MAX, Affected, lock_recall, take_untold
from app.shipments.answers import answer_anew


async def tell_recalled(ports: Ports, recall: str) -> None:
    """Job: tell of a recall, or of its end, those who have not heard of it; some in each transaction, each in their own language.

    It is noted with the messages that they were told, so that a repetition tells nobody twice.
    """
    now = ports.clock.now()
    async with ports.begin() as session:
        row = await lock_recall(session, recall)
        assert row is not None
        affected = await take_untold(session, row, now)
        buyers = await contacts_of_persons(session, {each.buyer_id for each in affected})
        notices = [_notice(ports, row, each, buyers) for each in affected if each.buyer_id in buyers]
        await queue_messages(session, notices, now)
        await answer_anew(session, {each.order_id for each in affected})
        if len(affected) == TOLD_AT_ONCE_MAX:
            again = "lot.recalled" if row.lifted_at is None else "lot.recall_lifted"
            await enqueue(session, [Job(again, {"recall": recall})])


def _notice(ports: Ports, recall: Recall, affected: Affected, buyers: Mapping[str, Contact]) -> Notice:
    buyer = buyers[affected.buyer_id]
    told = {
        "number": affected.number,
        "title": pick(recall.title, buyer.language),
        "link": f"{ports.settings.base_url}/track/{affected.tracking_number}",
    }
    if recall.lifted_at is not None:
        return Notice(buyer.phone, Template.RECALL_LIFTED, buyer.language, told)
    words = {"reason": pick(recall.reason, buyer.language), "advice": pick(recall.advice, buyer.language)}
    return Notice(buyer.phone, Template.LOT_RECALLED, buyer.language, told | words)
