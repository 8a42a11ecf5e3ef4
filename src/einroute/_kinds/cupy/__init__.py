"""CuPy's arrays: a kind and a form by `array_library`."""
