"""A multi-horizon stock-return trainer whose log can be trusted."""
