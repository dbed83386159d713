"""What reads foreign bytes: images, documents, spreadsheets. It runs in a child process alone (`python -m chat.decoding`), which
has no more memory, time, files and connections than it needs, and is thrown away after one piece of work.

No Django, no database, no settings. The server imports nothing of it but
`frames`, what goes over the two pipes, and `kinds`, words for what a file is.
"""
