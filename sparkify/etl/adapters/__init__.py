"""One module for each database that can be loaded."""
