"""The handlers of pages. A handler calls the engine, then renders a template or redirects to a page."""
