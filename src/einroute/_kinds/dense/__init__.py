"""The dense kind; `kind` says what it is."""
