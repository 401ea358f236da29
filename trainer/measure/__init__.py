"""Measurements of a training: gradients, weights, activations, metrics, predictions, pace."""
