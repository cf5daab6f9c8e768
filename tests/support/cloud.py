"""A bucket with data in it, and a warehouse on the stand-in for Redshift that loads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sparkify import Settings, Warehouse
from sparkify.pipeline import SPARKIFY
from standin import Standin
from tests.support.making import event

ROLE = "arn:aws:iam::123456789012:role/dwhRole"
KEYS = tuple(event())
"""The keys of an event, in the order of the real JSONPaths file."""
REAL_PATHS = json.dumps({"jsonpaths": [f"$['{key}']" for key in KEYS]})


class Cloud:
    """A bucket with data in it, and a warehouse on the stand-in that loads it."""

    def __init__(self, redshift: Standin) -> None:
        self.redshift = redshift
        for uri in redshift.objects_below("s3://plays/") if "plays" in self._buckets() else ():
            redshift.delete_object(uri)
        if "plays" not in self._buckets():
            redshift.create_bucket("plays")
        redshift.put_object("s3://plays/log_json_path.json", REAL_PATHS.encode())

    def _buckets(self) -> list[str]:
        import boto3

        client = boto3.client("s3", endpoint_url=self.redshift.s3_endpoint)
        return [found["Name"] for found in client.list_buckets()["Buckets"]]

    def put(self, folder: Path, prefix: str) -> None:
        """Upload every file of a folder under a prefix."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.redshift.put_object(f"s3://plays/{prefix}/{path.relative_to(folder)}", path.read_bytes())

    def with_tables(self) -> Warehouse:
        """A warehouse on the stand-in with empty tables.

        Alembic creates them once per process; after that the stand-in restores them.
        """
        if not self.redshift.restore("sparkify"):
            with self.warehouse() as first:
                first.migrate()
            self.redshift.save("sparkify")
            self.redshift.clear_statements()
        return self.warehouse()

    def warehouse(self, **changed: Any) -> Warehouse:
        """A warehouse on the stand-in in its current state, which has no tables at first."""
        settings = {
            "database_url": self.redshift.url,
            "iam_role_arn": ROLE,
            "log_data": "s3://plays/log_data",
            "song_data": "s3://plays/song_data",
            "log_jsonpath": "s3://plays/log_json_path.json",
            "manifest_prefix": "s3://plays/manifests",
            **changed,
        }
        return Warehouse(Settings.load(SPARKIFY.sources, **settings))
