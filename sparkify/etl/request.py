"""What a load is asked to do: one value, which is refused if it makes no sense."""

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
    """What a load is asked to do.

    :ivar uris: where the files of each source are. A source that is left out is not listed.
    :ivar max_rejects: how many lines may be rejected; with one more, nothing is loaded.
    :ivar full_refresh: rebuild the star from all files, in the one transaction of the load.
    :ivar reload_changed: also rebuild when a loaded file has changed, which is otherwise an error.
    :ivar allow_missing: rebuild even if files that were loaded no longer exist.
    :ivar on_drift: what to do with a load whose files differ from earlier ones, or from the models: ``warn``
        loads them and reports the differences, ``stop`` refuses the load.
    :ivar verify: read loaded files again, to find those whose content has changed while their size and time
        have not.
    :ivar lock_timeout: seconds to wait for another load to end.
    :raises ConfigurationError: when ``max_rejects`` or ``lock_timeout`` is negative, or ``on_drift`` unknown.
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
