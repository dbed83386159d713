"""Redis emptied, restarted, frozen or gone, Postgres crashed, a table or a row locked: replies go on, whole, in order, once."""
