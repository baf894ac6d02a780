"""Numba behind one typed decorator. What it compiles is kept on disk, and lets other threads run meanwhile."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile at the first call with these types, or take what an earlier process has compiled (`NUMBA_CACHE_DIR`)."""
    return cast("Callable[P, R]", numba.njit(function, cache=True, nogil=True, error_model="numpy"))
