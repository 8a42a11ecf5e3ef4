"""torch's tensors: a kind and a form by `array_library`."""
