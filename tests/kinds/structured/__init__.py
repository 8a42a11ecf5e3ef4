"""What all structured operands share."""
