"""The rolled kind; `kind` says what it is."""
