"""Messages on a real database: they leave if and only if the news is true, and their text does not stay."""

import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from moto.server import ThreadedMotoServer
from sqlalchemy import text

from app.core.errors import UpstreamFailed
from app.flows.send_message import send_messages
from app.notify.errors import MessageRefused
from app.notify.senders import Mailbox, SnsSender, open_sender
from app.notify.service import forget_old, list_mailbox, queue_messages
from app.notify.values import MESSAGES_PER_JOB_MAX, Notice, Template

PHONE = "+8610000000123"


@dataclass
class Telephone:
    """A sender that really sends: it keeps what it was given, or fails as it is told to."""

    sent: list = field(default_factory=list)
    failure: Exception | None = None
    fails_for: str = ""
    keeps_text = False

    async def send(self, to, text):
        if self.failure and self.fails_for in to:
            raise self.failure
        self.sent.append((to, text))


def code_notice(to=PHONE, code="314159", language="en"):
    return Notice(to, Template.SIGN_IN_CODE, language, {"code": code, "minutes": "10"})


async def queued(ports, *notices):
    async with ports.begin() as session:
        await queue_messages(session, notices or [code_notice()], ports.clock.now())
    return (await rows(ports))[-1].id


async def rows(ports):
    async with ports.database.read() as connection:
        return (await connection.execute(text("SELECT * FROM message ORDER BY id"))).all()


async def jobs(ports):
    async with ports.database.read() as connection:
        found = await connection.execute(text("SELECT task_name, args FROM procrastinate_jobs ORDER BY id"))
        return [tuple(row) for row in found]


async def mailbox(ports, to=PHONE):
    async with ports.database.read() as connection:
        return await list_mailbox(connection, to)


async def test_queued_message_is_in_the_mailbox_at_once_with_a_job_to_send_it(ports):
    message_id = await queued(ports)
    (shown,) = await mailbox(ports)
    assert (shown.to, shown.code, shown.sent_at) == (PHONE, "314159", ports.clock.now())
    assert "314159" in shown.text
    assert await jobs(ports) == [("message.send", {"messages": [message_id]})]


async def test_message_of_a_transaction_that_failed_never_was(ports):
    async def news_that_fails():
        async with ports.begin() as session:
            await queue_messages(session, [code_notice()], ports.clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await news_that_fails()
    assert await rows(ports) == []
    assert await jobs(ports) == []


async def test_messages_come_in_the_language_asked_for(ports):
    await queued(ports, code_notice(language="zh-Hans"))
    assert (await mailbox(ports))[0].text.startswith("【茶马】您的登录验证码是 314159")


async def test_mailbox_shows_the_newest_first_and_only_ones_own(ports):
    await queued(ports, code_notice(code="000001"))
    await queued(ports, code_notice(code="000002"), code_notice("+8610000000124", "000003"))
    assert [message.code for message in await mailbox(ports)] == ["000002", "000001"]


async def test_mailbox_keeps_the_text_after_sending(ports):
    message_id = await queued(ports)
    await send_messages(ports, [message_id])
    (row,) = await rows(ports)
    assert (row.state, row.code, row.sent_at) == ("sent", "314159", ports.clock.now())
    assert len(await mailbox(ports)) == 1


async def test_text_and_code_are_erased_after_a_real_send(ports):
    telephone = Telephone()
    message_id = await queued(ports)
    await send_messages(replace(ports, sender=telephone), [message_id])
    (row,) = await rows(ports)
    assert (row.state, row.text, row.code) == ("sent", None, None)
    assert len(telephone.sent) == 1
    assert await mailbox(ports) == []


async def test_message_that_left_is_not_sent_again(ports):
    telephone = Telephone()
    message_id = await queued(ports)
    for _ in range(2):
        await send_messages(replace(ports, sender=telephone), [message_id])
    assert len(telephone.sent) == 1
    assert (await rows(ports))[0].state == "sent"


async def test_failing_sender_is_asked_again_later(ports):
    message_id = await queued(ports)
    with pytest.raises(UpstreamFailed):
        await send_messages(replace(ports, sender=Telephone(failure=UpstreamFailed(service="SNS"))), [message_id])
    assert (await rows(ports))[0].state == "queued"
    telephone = Telephone()
    await send_messages(replace(ports, sender=telephone), [message_id])
    assert len(telephone.sent) == 1


async def test_one_that_fails_keeps_no_other_back_and_is_tried_again_alone(ports):
    other = "+8610000000124"
    await queued(ports, code_notice(code="000001"), code_notice(other, "000002"), code_notice(code="000003"))
    messages = [row.id for row in await rows(ports)]
    telephone = Telephone(failure=UpstreamFailed(service="SNS"), fails_for=other)
    with pytest.raises(UpstreamFailed):
        await send_messages(replace(ports, sender=telephone), messages)
    assert sorted((row.to, row.state) for row in await rows(ports)) == [
        (PHONE, "sent"),
        (PHONE, "sent"),
        (other, "queued"),
    ]
    telephone.failure = None
    await send_messages(replace(ports, sender=telephone), messages)
    assert [to for to, _ in telephone.sent] == [PHONE, PHONE, other]
    assert {row.state for row in await rows(ports)} == {"sent"}


async def test_many_messages_leave_a_few_at_a_time(ports):
    await queued(ports, *(code_notice() for _ in range(2 * MESSAGES_PER_JOB_MAX + 1)))
    sizes = [len(args["messages"]) for _, args in await jobs(ports)]
    assert sizes == [MESSAGES_PER_JOB_MAX, MESSAGES_PER_JOB_MAX, 1]


async def test_number_that_the_sender_refuses_is_given_up_and_not_logged_whole(ports, caplog):
    message_id = await queued(ports)
    with caplog.at_level(logging.WARNING):
        await send_messages(replace(ports, sender=Telephone(failure=MessageRefused(reason="OptedOut"))), [message_id])
    (row,) = await rows(ports)
    assert (row.state, row.text, row.code) == ("failed", None, None)
    assert "OptedOut" in caplog.text
    assert PHONE not in caplog.text


async def test_code_that_has_expired_is_not_sent_any_more(ports):
    telephone = Telephone()
    message_id = await queued(ports)
    ports.clock.advance(timedelta(minutes=11))
    await send_messages(replace(ports, sender=telephone), [message_id])
    (row,) = await rows(ports)
    assert (row.state, row.text, telephone.sent) == ("failed", None, [])


async def test_message_that_is_gone_is_no_fault(ports):
    await send_messages(ports, ["msg_none"])


async def test_old_messages_are_forgotten(ports):
    await queued(ports)
    async with ports.begin() as session:
        await forget_old(session, ports.clock.now() + timedelta(days=29))
    assert len(await rows(ports)) == 1
    async with ports.begin() as session:
        await forget_old(session, ports.clock.now() + timedelta(days=31))
    assert await rows(ports) == []


@pytest.fixture(scope="module")
def sns():
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def sns_sender(sns, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return SnsSender(region="us-east-1", endpoint=sns)


@pytest.mark.parametrize("sender", ["mailbox", "sns"])
async def test_every_sender_takes_a_message(sender, sns_sender):
    await {"mailbox": Mailbox(), "sns": sns_sender}[sender].send(PHONE, "Chama: 314159 is your sign-in code.")


async def test_number_that_sns_does_not_know_is_refused_for_good(sns_sender):
    with pytest.raises(MessageRefused):
        await sns_sender.send("nonsense", "text")


async def test_sns_out_of_reach_is_worth_another_try(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with pytest.raises(UpstreamFailed):
        await SnsSender(region="us-east-1", endpoint="http://127.0.0.1:9").send(PHONE, "text")


def test_settings_choose_the_sender(settings):
    assert isinstance(open_sender(settings), Mailbox)
    chosen = settings.model_copy(update={"message_sender": "sns", "sns_endpoint": "http://127.0.0.1:9"})
    assert isinstance(open_sender(chosen), SnsSender)
