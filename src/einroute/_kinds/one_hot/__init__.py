"""The one_hot kind; `kind` says what it is."""
