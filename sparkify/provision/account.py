"""One AWS account and region: every request of provisioning to AWS goes through here."""

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
    """An account, from the settings and boto3's own credential chain. Creating the object does not connect.

    :param session: a boto3 session to use instead of one made from the settings.
    :raises ConfigurationError: if one half of the key pair, the profile or the region is missing.
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
        """AWS's answer to a request that changes nothing.

        :raises SparkifyError: as :func:`~sparkify.provision.aws_errors.translated` says.
        """
        return self._call(doing, service, operation, params)

    def find(
        self, doing: str, service: str, operation: str, *, absent: Iterable[str], **params: Any
    ) -> dict[str, Any] | None:
        """Like :meth:`ask`; None if AWS answers with one of these codes, which mean that it does not exist."""
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
        """Sleep for the poll interval, between two inspections."""
        time.sleep(self.poll_seconds)

    def _call(self, doing: str, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        from sparkify.provision.aws_errors import translated

        with translated(doing, secrets=self._secrets, region=self.region):
            answer: dict[str, Any] = getattr(self.client(service), operation)(**params)
        return answer
