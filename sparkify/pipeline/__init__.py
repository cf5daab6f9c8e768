"""Sparkify's declaration: its sources, transforms and checks, as one value."""

from sparkify.pipeline.declaration import SPARKIFY

__all__ = ["SPARKIFY"]
