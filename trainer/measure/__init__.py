"""What is measured of a training: gradients, metrics, guard, pace."""
