"""View models: pure functions that convert answers of the engine to the content of a page."""
