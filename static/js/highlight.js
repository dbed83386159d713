// Marks the words somebody searched for without touching the document (CSS Custom Highlight API), and goes to the item they are in.
(() => {
  const items = document.getElementById("items");
  if (!items) return;
  const rangesOf = (root, pattern) => {
    const [ranges, walker] = [[], document.createTreeWalker(root, NodeFilter.SHOW_TEXT)];
    for (let node = walker.nextNode(); node; node = walker.nextNode())
      for (const { index: at, 0: word } of node.data.matchAll(pattern))
        ranges.push(new StaticRange({ startContainer: node, startOffset: at, endContainer: node, endOffset: at + word.length }));
    return ranges;
  };

  const words = (items.dataset.highlight ?? "").split(/\s+/).filter(Boolean);
  if (words.length && CSS.highlights) {
    const pattern = new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "giu");
    const texts = [...items.querySelectorAll(".prose, .item .text")];
    CSS.highlights.set("found", new Highlight(...texts.flatMap((text) => rangesOf(text, pattern))));
  }

  const item = items.dataset.at && document.getElementById(items.dataset.at);
  if (!item) return;
  item.closest("details")?.setAttribute("open", "");
  item.scrollIntoView({ block: "start" });
  item.classList.add("arrived");
})();
