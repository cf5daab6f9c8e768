"""Configuration from ``dwh.cfg``, the environment and options, and the AWS session that it gives."""
