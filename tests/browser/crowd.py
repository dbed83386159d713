"""`python -m tests.browser.crowd COUNT`: so many people with an account and a session each; prints JSON pairs of
name and session.
"""

import sys

from tests.browser import boot
from tests.crowd import main

if __name__ == "__main__":
    boot.start()
    main(sys.argv[1], "person")
