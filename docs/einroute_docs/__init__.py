"""What the pages are made with: charts of measured times, and code that is run while the pages are built."""
