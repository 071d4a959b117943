"""The project: settings, routes, entry points."""
