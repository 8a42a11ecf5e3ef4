"""What is kept of a matrix that is seen again: fingerprints, factors, and the cache they live in."""
