"""View models: pure functions from what the engine says to what a page shows."""
