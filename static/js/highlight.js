// Marks the words somebody searched for without touching the document (CSS Custom Highlight API), and goes to the item they are in.
(() => {
  const items = document.getElementById("items");
  if (!items) return;

  const escape = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  const rangesOf = (root, pattern) => {
    const ranges = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const match of node.data.matchAll(pattern)) {
        const range = new Range();
        range.setStart(node, match.index);
        range.setEnd(node, match.index + match[0].length);
        ranges.push(range);
      }
    }
    return ranges;
  };

  const words = (items.dataset.highlight ?? "").split(/\s+/).filter(Boolean);
  if (words.length && CSS.highlights) {
    const pattern = new RegExp(words.map(escape).join("|"), "giu");
    const texts = [...items.querySelectorAll(".prose, .item .text")];
    CSS.highlights.set("found", new Highlight(...texts.flatMap((text) => rangesOf(text, pattern))));
  }

  const item = items.dataset.at && document.getElementById(items.dataset.at);
  if (!item) return;
  item.closest("details")?.setAttribute("open", "");
  item.scrollIntoView({ block: "start" });
  item.classList.add("arrived");
})();
