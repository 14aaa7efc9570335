"""Access to the server: callers, scopes of routes, tokens, hosts and origins."""
