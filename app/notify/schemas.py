"""What the development mailbox shows."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from app.core.schema import Shape, Time

# A plus sign in a query means a blank, and people forget to write it as %2B.
MailboxPhone = Annotated[
    str,
    Field(pattern=r"^[+ ][1-9][0-9]{7,14}$", examples=["+8610000000123"]),
    AfterValidator(lambda to: to.replace(" ", "+")),
]


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
