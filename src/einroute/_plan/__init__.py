"""Planning: facts in, frozen plans out; no array is touched."""
