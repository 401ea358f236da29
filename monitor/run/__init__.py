"""Events → what is known of a run."""
