"""The refusals of packaging."""

from app.core.errors import Kind, Problem
from app.packaging.values import PACKAGES_MAX


class TooManyPackages(Problem):
    slug = "too-many-packages"
    kind = Kind.INVALID
    title = {"en": "Too many packages for one consignment", "zh-Hans": "单次发货的包裹数量过多"}
    detail = {
        "en": "This would take {packages} packages; one consignment may have {max}. Order less at a time.",
        "zh-Hans": "本次需要 {packages} 个包裹，单次发货最多 {max} 个。请减少单次订购数量。",
    }
    members = ("packages", "max")

    def __init__(self, packages: int) -> None:
        super().__init__(packages=packages, max=PACKAGES_MAX)
