"""Requests to the worker and their replies, one file per job: frozen, free of Qt, each knows how to answer itself."""
