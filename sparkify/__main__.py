"""``python -m sparkify`` is ``sparkify-etl``."""

from sparkify.cli import main

main()
