"""Libraries of tensor networks, with einroute inside: opt_einsum, autoray, cotengra, quimb."""
