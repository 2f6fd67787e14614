"""Pages: each handler reads through the engine's front door, and renders one template."""
