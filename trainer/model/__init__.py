"""The network, its losses and what is kept beside its weights."""
