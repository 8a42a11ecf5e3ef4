"""What is about the whole: layers, imports, documentation, public names, versions."""
