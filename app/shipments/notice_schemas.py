"""Shapes of what a shipment's followers are warned of."""

from app.core.schema import Shape, Time


class TrackedRecall(Shape):
    """Goods of this shipment are called back: which, why, and what to do with them. In the language of the answer."""

    recalled_at: Time
    title: str
    reason: str
    advice: str
