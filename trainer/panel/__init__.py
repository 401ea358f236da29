"""The panel of features and labels: reading, checking and splitting it."""
