"""What a model is worth on dates that it did not see: figures, folds, tables, a page."""
