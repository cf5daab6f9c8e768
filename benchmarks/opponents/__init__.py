"""What sparkify is measured against: one module each, run as a separate process."""
