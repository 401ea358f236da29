"""What an assistant may ask: read-only tools over the states of watches, by the Model Context Protocol."""
