"""Run the stand-in by itself: ``python -m standin``, then use the URL and the environment it prints."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from .server import Standin


def main(arguments: list[str] | None = None) -> int:
    """Start everything, say where it is, and wait."""
    parser = argparse.ArgumentParser(prog="python -m standin", description=__doc__)
    parser.add_argument("--seconds", type=float, help="stop after so long (default: when interrupted)")
    parser.add_argument(
        "--region", default="us-east-1", help="the region of the cluster (default: %(default)s)"
    )
    parser.add_argument("--bucket", action="append", default=[], help="make an empty bucket; may be repeated")
    parser.add_argument(
        "--serializable", action="store_true", help="SERIALIZABLE instead of SNAPSHOT isolation"
    )
    parser.add_argument(
        "--idle-timeout", type=float, metavar="SECONDS", help="cut a connection that is silent for so long"
    )
    given = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    isolation = "serializable" if given.serializable else "snapshot"
    with Standin.start(region=given.region, isolation=isolation) as rs:
        rs.idle_timeout = given.idle_timeout
        for bucket in given.bucket:
            rs.create_bucket(bucket)
        print(f"# Redshift stand-in on {rs.host}:{rs.port}, S3 on {rs.s3_endpoint}; in another shell:")
        print(f"export SPARKIFY_DATABASE_URL='{rs.url}'")
        for name, value in rs.environment.items():
            print(f"export {name}='{value}'")
        print("# Interrupt to stop." if given.seconds is None else f"# Stops after {given.seconds:g} s.")
        sys.stdout.flush()
        done.wait(given.seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
