"""The script of the page of entities: filters, search, mentions, keys.

Without it the page has all texts and marks; what only works with it is hidden then.
"""

# The types that are marked stand in the page's address, too: PAGE#types=Disease,Gene.
SCRIPT = """
(() => {
  const main = document.querySelector("main");
  const form = document.querySelector("form");
  if (!form) return;
  const boxes = [...form.querySelectorAll("[name=type]")];
  const { scores, only, least, search } = form.elements;
  const articles = [...main.children];
  const marks = [...main.querySelectorAll("mark")];
  const mentions = form.querySelector("ol");
  const keyOf = mark => mark.textContent.trim().replace(/\\s+/g, " ");
  let shown = [], current = -1;
  document.documentElement.classList.add("js");

  function isMarked(mark) {
    const box = boxes[Number(/\\bt(\\d+)/.exec(mark.className)[1])];
    const score = mark.dataset.score;
    return box.checked && (score === undefined || Number(score) >= least.value);
  }

  function mark() {
    boxes.forEach((box, i) => main.classList.toggle("no-t" + i, !box.checked));
    const wanted = search.value.trim().toLowerCase();
    const counts = boxes.map(() => 0);
    let passages = 0;
    shown = [];
    for (const article of articles) {
      const found = [];
      for (const each of article.querySelectorAll("mark")) {
        const good = isMarked(each);
        each.classList.toggle("low", !good);
        if (good) found.push(each);
      }
      const text = article.textContent.toLowerCase();
      article.hidden = (only.checked && !found.length) || !text.includes(wanted);
      if (article.hidden) continue;
      passages += article.querySelectorAll("p").length;
      shown.push(...found);
      for (const each of found) counts[/\\bt(\\d+)/.exec(each.className)[1]] += 1;
    }
    const say = (count, one, many) =>
      count.toLocaleString("en") + " " + (count === 1 ? one : many);
    form.querySelector("output").textContent =
      say(passages, "passage", "passages") + ", " +
      say(shown.length, "entity", "entities");
    form.querySelectorAll(".count").forEach((place, i) => {
      place.textContent = counts[i].toLocaleString("en");
    });
    if (mentions.closest("details").open) list();
  }

  function list() {
    const counts = new Map();
    for (const each of shown) {
      const key = keyOf(each).toLowerCase();
      const row = counts.get(key) || [keyOf(each), 0];
      row[1] += 1;
      counts.set(key, row);
    }
    const rows = [...counts.values()].sort((a, b) => b[1] - a[1]).slice(0, 200);
    mentions.replaceChildren(...rows.map(([text, count]) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.value = text;
      button.className = "mention";
      button.textContent = text;
      item.append(button, " " + count.toLocaleString("en"));
      return item;
    }));
  }

  function go(step) {
    if (!shown.length) return;
    if (shown[current]) shown[current].classList.remove("current");
    current = (current + step + shown.length) % shown.length;
    shown[current].classList.add("current");
    shown[current].scrollIntoView({ block: "center" });
  }

  function read() {
    const given = /^#types=(.*)$/.exec(location.hash);
    if (given) {
      const names = given[1].split(",").map(decodeURIComponent);
      boxes.forEach(box => { box.checked = names.includes(box.value); });
    }
    mark();
  }

  function write() {
    const chosen = boxes.filter(box => box.checked);
    const names = chosen.map(box => encodeURIComponent(box.value)).join();
    const all = chosen.length === boxes.length;
    history.replaceState(null, "", all ? "#" : "#types=" + names);
    mark();
  }

  function refresh() {
    marks.forEach(each => each.classList.remove("current"));
    current = -1;
    form.querySelector("[name=shown]").textContent = Number(least.value).toFixed(2);
    mark();
  }

  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("input", event => {
    if (event.target === least || event.target === search) refresh();
  });
  form.addEventListener("change", event => {
    if (event.target === least || event.target === search) return;
    if (event.target !== scores) return write();
    for (const entity of main.querySelectorAll("mark[data-score]")) {
      entity.dataset.shown = Number(entity.dataset.score).toFixed(2);
    }
    main.classList.toggle("scores", scores.checked);
  });
  form.addEventListener("click", event => {
    if (!event.target.matches("button")) return;
    if (event.target.matches(".mention")) {
      search.value = event.target.value;
      return refresh();
    }
    boxes.forEach(box => { box.checked = event.target.value === "all"; });
    write();
  });
  form.querySelector("details").addEventListener("toggle", list);
  addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input[type=search]")) return;
    if (event.key === "n") go(1);
    if (event.key === "p") go(current < 0 ? 0 : -1);
    if (event.key === "/") { event.preventDefault(); search.focus(); }
  });
  addEventListener("hashchange", read);
  read();
})();
"""
