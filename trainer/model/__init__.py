"""The network, its loss, and the moving average of its weights."""
