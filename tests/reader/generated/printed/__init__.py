"""Logs of print statements: tables of formats as people write them in training loops, and logs rendered from them."""
