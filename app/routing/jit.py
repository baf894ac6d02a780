"""Numba behind one typed decorator. What it compiles is kept on disk, and lets other threads run meanwhile."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")
_SETTINGS: Final[Any] = numba.config


def _folder() -> Path:
    """Where compiled kernels are kept: one folder for each state of the sources.

    Numba itself looks at the file of a kernel only, not at those of the kernels that it calls, nor at their types.
    """
    here = Path(__file__).parent
    sources = blake2b(digest_size=8)
    for path in sorted(here.glob("*.py")):
        sources.update(path.read_bytes())
    return Path(_SETTINGS.CACHE_DIR or here / "__pycache__") / sources.hexdigest()


_SETTINGS.CACHE_DIR = str(_folder())


_OPTIONS: Final[dict[str, Any]] = {"cache": True, "nogil": True, "error_model": "numpy"}
_UNWRAPPED: Final[dict[str, Any]] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile at the first call with these types, or take what an earlier process has compiled (`NUMBA_CACHE_DIR`)."""
    return cast("Callable[P, R]", numba.njit(function, **_OPTIONS))


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """As `compiled`, of what only kernels call: without the wrappers by which Python would, which take long to compile."""
    return cast("Callable[P, R]", numba.njit(function, **_OPTIONS, **_UNWRAPPED))
