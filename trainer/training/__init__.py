"""The training loop, and what surrounds it: preparation, state, processes, stopping."""
