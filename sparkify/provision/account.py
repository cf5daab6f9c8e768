"""One AWS account and region: the only place from which anything is asked of AWS, or sent to it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from sparkify.config.aws import aws_session
from sparkify.config.secrets import secrets_of
from sparkify.config.settings import Settings
from sparkify.etl.errors import ConfigurationError
from sparkify.provision.calls import Call

__all__ = ["Aws"]


class Aws:
    """An account, as the settings and boto3's own chain give it. Nothing is connected to at first.

    :param session: a session of boto3 to use instead of one made from the settings.
    :raises ConfigurationError: when one half of the keys is missing, the profile or the region.
    """

    def __init__(self, settings: Settings, *, session: Any = None) -> None:
        from sparkify.provision.aws_errors import translated

        self._secrets = secrets_of(settings)
        self._endpoint = settings.aws_endpoint_url
        self._clients: dict[str, Any] = {}
        self.poll_seconds = settings.dwh_poll_seconds
        with translated("read the AWS configuration", secrets=self._secrets):
            self._session = session or aws_session(settings)
        if self._session.region_name is None:
            raise ConfigurationError(
                "no AWS region",
                hint="Set REGION in [AWS] of dwh.cfg, or AWS_DEFAULT_REGION, to that of your bucket.",
            )
        self.region: str = self._session.region_name

    def client(self, service: str) -> Any:
        """The client of a service, the same one each time."""
        if service not in self._clients:
            from botocore.config import Config

            from sparkify._version import __version__

            config = Config(
                connect_timeout=10,
                read_timeout=60,
                retries={"mode": "standard", "total_max_attempts": 3},
                user_agent_extra=f"sparkify/{__version__}",
            )
            self._clients[service] = self._session.client(service, endpoint_url=self._endpoint, config=config)
        return self._clients[service]

    def ask(self, doing: str, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """What AWS answers to a question that changes nothing.

        :raises SparkifyError: as :func:`~sparkify.provision.aws_errors.translated` says.
        """
        return self._call(doing, service, operation, params)

    def find(
        self, doing: str, service: str, operation: str, *, absent: Iterable[str], **params: Any
    ) -> dict[str, Any] | None:
        """As :meth:`ask`; None when AWS answers with one of these codes, which say that it is not there."""
        from sparkify.provision.aws_errors import AwsRefusal

        try:
            return self._call(doing, service, operation, params)
        except AwsRefusal as exc:
            if exc.code in absent:
                return None
            raise

    def send(self, call: Call) -> dict[str, Any]:
        """Carry out a call that changes something."""
        return self._call(call.title, call.service, call.operation, call.unmasked())

    def wait(self) -> None:
        """Let some time go by between two looks."""
        time.sleep(self.poll_seconds)

    def _call(self, doing: str, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        from sparkify.provision.aws_errors import translated

        with translated(doing, secrets=self._secrets, region=self.region):
            answer: dict[str, Any] = getattr(self.client(service), operation)(**params)
        return answer
