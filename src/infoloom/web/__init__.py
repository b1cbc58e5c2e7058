"""The explorer page: a story turned by hand in a browser, on this machine only. It calls the library."""
