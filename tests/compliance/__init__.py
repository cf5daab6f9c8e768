"""SQLAlchemy's own suite for dialects, run over the stand-in: make test-dialect."""
