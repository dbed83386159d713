"""Clients that stop reading, shout, send too much or only sit there: memory stays bounded, others notice nothing, they are let go."""
