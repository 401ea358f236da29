"""A synthetic market to train on."""
