"""Who may call what: callers, scopes of routes, tokens, hosts and origins."""
