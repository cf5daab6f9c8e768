"""What is asked of a load: one value, which is refused when it cannot be meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from sparkify.etl.errors import ConfigurationError
from sparkify.etl.listing import AwsOptions
from sparkify.etl.lock_timeout import LOCK_TIMEOUT, check_lock_timeout

__all__ = ["LoadRequest", "OnDrift"]

OnDrift = Literal["warn", "stop"]


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """What is asked of a load.

    :ivar uris: by source, where its files lie. A source that is left out is not listed.
    :ivar max_rejects: how many lines may be rejected; with one more nothing is loaded.
    :ivar full_refresh: rebuild the star from all files, in the one transaction of the load.
    :ivar reload_changed: rebuild likewise when a loaded file has changed, which is otherwise an error.
    :ivar allow_missing: rebuild although files that were loaded are not there any more.
    :ivar on_drift: what becomes of a load whose files differ from those before, or from the models: ``warn``
        loads them and tells of it, ``stop`` refuses it.
    :ivar verify: read loaded files again, so that one is found whose content has changed while its size and
        time have not.
    :ivar lock_timeout: seconds to wait for another load to end.
    :raises ConfigurationError: when ``max_rejects`` or ``lock_timeout`` is negative.
    """

    uris: Mapping[str, str]
    aws: AwsOptions = field(default_factory=AwsOptions)
    max_rejects: int = 0
    full_refresh: bool = False
    reload_changed: bool = False
    allow_missing: bool = False
    on_drift: OnDrift = "warn"
    verify: bool = False
    lock_timeout: float = LOCK_TIMEOUT

    def __post_init__(self) -> None:
        if self.on_drift not in get_args(OnDrift):
            raise ConfigurationError(
                f"{self.on_drift!r} is not what can be done about drift", hint="Give warn or stop."
            )
        check_lock_timeout(self.lock_timeout)
        if self.max_rejects < 0:
            raise ConfigurationError(
                f"a load cannot allow {self.max_rejects} rejected lines",
                hint="Give {option} or more.",
                option=("max_rejects", 0),
            )
