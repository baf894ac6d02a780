"""The table of messages."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.core.database import enum_type
from app.notify.values import State, Template


class Message(SQLModel, table=True):
    """`text` and `code` are there until the message has really left; the development mailbox keeps them."""

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_to_id", "to", "id"),)

    id: str = Field(primary_key=True, max_length=40)
    to: str = Field(max_length=16)
    template: Template = Field(sa_type=enum_type(Template))
    language: str = Field(max_length=35)
    text: str | None = Field(default=None, max_length=1_000)
    code: str | None = Field(default=None, max_length=10)
    state: State = Field(sa_type=enum_type(State))
    created_at: datetime = Field(index=True)
    sent_at: datetime | None = None
