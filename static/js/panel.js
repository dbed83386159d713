// unfold keeps a look of its own in each browser; the panel's is the one that its person has chosen, and comes with the page.
localStorage.removeItem("adminTheme");
