"""What the development mailbox shows."""

from pydantic import ConfigDict

from app.core.schema import Shape, Time


class MailboxMessage(Shape):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "to": "+8610000000123",
                    "text": "Chama: 314159 is your sign-in code. It is good for 10 minutes. Tell it to nobody.",
                    "code": "314159",
                    "sent_at": "2026-03-01T08:00:00Z",
                }
            ]
        }
    )

    to: str
    text: str
    code: str | None
    sent_at: Time


class Mailbox(Shape):
    items: list[MailboxMessage]
