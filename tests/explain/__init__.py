"""What `explain` says."""
