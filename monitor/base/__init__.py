"""What every station may use."""
