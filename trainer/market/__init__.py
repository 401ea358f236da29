"""A synthetic market to train on, with a signal of known strength."""
