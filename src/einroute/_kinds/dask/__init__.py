"""dask arrays: contractions of chunks, planned here and run by dask whenever it is asked to."""
