// Keeps the count of characters beside a long text: <span data-count="id of the text box">.
(() => {
  for (const count of document.querySelectorAll("[data-count]")) {
    const box = document.getElementById(count.dataset.count);
    const show = () => { count.textContent = box.value.length; };
    box.addEventListener("input", show);
    show();
  }
})();
