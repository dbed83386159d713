// <form data-confirm="A question?">: asked before it is sent, where the answer cannot easily be taken back.
(() => {
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  }, true);
})();
