"""The difference kind; `kind` says what it is."""
