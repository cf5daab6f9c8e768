"""How long sparkify takes, beside what else makes the same of the same files. No part of the package."""
