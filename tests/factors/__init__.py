"""What is kept of matrices."""
