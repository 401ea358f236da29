"""A page over all runs of a machine, the same as JSON, and metrics (extra ``serve``: starlette, uvicorn, ...)."""
