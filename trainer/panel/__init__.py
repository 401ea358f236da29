"""The panel of features and labels: files, checks, splits, samples."""
