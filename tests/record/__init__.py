"""What `record` says."""
