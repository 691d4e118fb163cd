"""The router: a sidecar that gives the requests of a program to other services their tokens."""
