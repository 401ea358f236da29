"""From a panel to batches: normalisation, graphs, and whole days of samples."""
