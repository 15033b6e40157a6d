"""The script of a run's report: filters of the errors, by kind, label and text.

A <form data-for=ID> rules the list with that id. Its items are shown that have a part
(an element with data-k, perhaps the item itself) whose kind and label are both ticked.
Without the script all items are shown, and links lead to them.
"""

SCRIPT = """
(() => {
  document.documentElement.classList.add("js");
  for (const form of document.querySelectorAll("form[data-for]")) {
    const list = document.getElementById(form.dataset.for);
    const items = [...list.children].map(item => {
      const parts = [...item.querySelectorAll("[data-k]")];
      if (item.dataset.k) parts.push(item);
      return { item, parts, text: item.textContent.toLowerCase() };
    });
    const boxes = [...form.querySelectorAll("[type=checkbox]")];
    const search = form.querySelector("[type=search]");
    const only = form.querySelector(".only");
    const frequent = form.nextElementSibling;
    let chosen = null;

    function refresh() {
      const ticked = { k: new Set(), t: new Set() };
      let labels = false;
      for (const box of boxes) {
        if (box.name === "t") labels = true;
        if (box.checked) ticked[box.name].add(box.value);
      }
      const wanted = search.value.trim().toLowerCase();
      let shown = 0, marked = 0;
      for (const { item, parts, text } of items) {
        let found = 0;
        for (const part of parts) {
          const types = (part.dataset.t || "").split(" ");
          const good = ticked.k.has(part.dataset.k) &&
            (!labels || types.some(type => ticked.t.has(type))) &&
            (chosen === null || part.dataset.f === chosen);
          if (part !== item) part.hidden = !good;
          found += good;
        }
        item.hidden = !found || !text.includes(wanted);
        if (!item.hidden) { shown += 1; marked += found; }
      }
      const number = count => count.toLocaleString("en");
      const [one, many] = form.dataset.items.split("|");
      let said = number(shown) + " " + (shown === 1 ? one : many);
      if (form.dataset.parts) {
        const [single, several] = form.dataset.parts.split("|");
        said += ", " + number(marked) + " " + (marked === 1 ? single : several);
      }
      form.querySelector("output").textContent = said;
      only.hidden = chosen === null;
    }

    form.addEventListener("submit", event => event.preventDefault());
    form.addEventListener("input", refresh);
    form.addEventListener("change", refresh);
    form.addEventListener("click", event => {
      if (event.target.matches(".all")) {
        const fieldset = event.target.closest("fieldset");
        const own = boxes.filter(box => fieldset.contains(box));
        const all = own.every(box => box.checked);
        for (const box of own) box.checked = !all;
        refresh();
      }
      if (event.target.matches(".only button")) {
        chosen = null;
        refresh();
      }
    });
    if (frequent && frequent.matches(".texts")) {
      frequent.addEventListener("click", event => {
        const link = event.target.closest("a[data-f]");
        if (!link) return;
        event.preventDefault();
        chosen = link.dataset.f;
        search.value = "";
        for (const box of boxes) box.checked = true;
        only.querySelector("b").textContent = link.textContent;
        refresh();
        list.scrollIntoView({ block: "start" });
      });
    }
    refresh();
  }
})();
"""
