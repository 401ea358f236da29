"""Panel → batches: normalisation, graph, dataset."""
