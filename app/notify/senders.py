"""The edge to the telephone network: a sender of text messages through Amazon SNS, or the development mailbox."""

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.core.errors import UpstreamFailed
from app.core.limits import OUTSIDE_CALL_TIMEOUT_S
from app.core.settings import Settings
from app.notify.errors import MessageRefused

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

# What SNS says of a number that it will never reach; everything else may pass.
_FINAL: Final = frozenset({"InvalidParameter", "InvalidParameterValue", "OptedOut", "ValidationException"})


class MessageSender(Protocol):
    """Sends a text to a phone. `keeps_text` says whether the text may stay in the database afterwards.

    Raises `MessageRefused` when it never can, `UpstreamFailed` when it is worth trying again.
    """

    keeps_text: bool

    async def send(self, to: str, text: str) -> None: ...


class Mailbox:
    """Development: the message's row is the message; `GET /v1/dev/messages` shows it."""

    keeps_text = True

    async def send(self, to: str, text: str) -> None:
        """Nothing leaves."""


class SnsSender:
    """Amazon SNS through boto3, whose blocking calls run in threads. Credentials come from boto3's own chain."""

    keeps_text = False

    def __init__(self, *, region: str, endpoint: str | None) -> None:
        self._client: SNSClient = boto3.client(
            "sns",
            region_name=region,
            endpoint_url=endpoint,
            config=Config(connect_timeout=5, read_timeout=OUTSIDE_CALL_TIMEOUT_S, retries={"max_attempts": 2}),
        )

    async def send(self, to: str, text: str) -> None:
        try:
            await asyncio.to_thread(self._publish, to, text)
        except ClientError as error:
            reason = error.response.get("Error", {}).get("Code", "")
            if reason in _FINAL:
                raise MessageRefused(reason=reason) from error
            raise UpstreamFailed(service="SNS") from error
        except BotoCoreError as error:
            raise UpstreamFailed(service="SNS") from error

    def _publish(self, to: str, text: str) -> None:
        self._client.publish(
            PhoneNumber=to,
            Message=text,
            MessageAttributes={"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}},
        )


def open_sender(settings: Settings) -> MessageSender:
    """The sender that the settings ask for."""
    if settings.message_sender == "sns":
        return SnsSender(region=settings.sns_region, endpoint=settings.sns_endpoint)
    return Mailbox()
