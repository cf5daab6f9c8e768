"""How a warehouse is loaded. Knows no table of Sparkify, and could be a distribution of its own."""
