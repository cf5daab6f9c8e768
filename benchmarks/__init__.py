"""How long sparkify takes, compared with other tools on the same files. Not part of the package."""
