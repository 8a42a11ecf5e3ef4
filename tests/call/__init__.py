"""What a call means."""
