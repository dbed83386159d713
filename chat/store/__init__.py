"""Every write, and every read that needs a scope: one verb, one function, one transaction, news after the commit."""
