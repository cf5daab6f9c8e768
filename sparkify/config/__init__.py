"""What can be configured: ``dwh.cfg``, the environment and options, and the AWS session that they give."""
