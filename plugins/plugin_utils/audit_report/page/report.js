"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const root = document.documentElement;

  // Light or dark: what the system says, until somebody chooses.
  const theme = by("theme");
  const keep = (value) => { try { localStorage.setItem("pep668.audit.theme", value); } catch { /* not kept then */ } };
  const kept = () => { try { return localStorage.getItem("pep668.audit.theme"); } catch { return null; } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tellTheme = () => theme.setAttribute("aria-pressed", String(isDark()));
  if (["light", "dark"].includes(kept())) root.dataset.theme = kept();
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep(root.dataset.theme);
    tellTheme();
  });
  system.addEventListener("change", tellTheme);
  tellTheme();

  // The filter.
  const form = document.querySelector("form.filter");
  const fields = { search: by("search"), choice: by("choice"), rule: by("rule"), release: by("release"), order: by("order") };
  const rows = new Map([...document.querySelectorAll(".matrix tbody tr")].map((row) => [row.dataset.place, row]));
  const hosts = [...document.querySelectorAll(".host")].map((element) => ({
    element,
    row: rows.get(element.dataset.place),
    place: Number(element.dataset.place),
    findings: [...element.querySelectorAll(".finding")].map((finding) => ({ element: finding, text: finding.textContent.toLowerCase() })),
    own: [element.querySelector("summary"), ...element.querySelectorAll(":scope > p, .unread")].map((part) => part.textContent).join(" ").toLowerCase(),
  }));
  const total = hosts.reduce((sum, host) => sum + host.findings.length, 0);
  const amount = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

  const apply = () => {
    const words = fields.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const choice = fields.choice.value;
    const isSeverity = ["error", "warning", "info"].includes(choice);
    const holds = (text) => words.every((word) => text.includes(word));
    let shownHosts = 0;
    let shownFindings = 0;
    for (const host of hosts) {
      const { state, release } = host.element.dataset;
      const isOfRelease = !fields.release.value || release === fields.release.value;
      const isOfState = isSeverity || !choice || state === choice;
      let matching = 0;
      for (const finding of host.findings) {
        const { severity, rule } = finding.element.dataset;
        const matches = (!isSeverity || severity === choice) && (!fields.rule.value || rule === fields.rule.value) && holds(`${host.own} ${finding.text}`);
        finding.element.hidden = !matches;
        matching += matches;
      }
      const isAskedForItself = !isSeverity && !fields.rule.value && holds(host.own);
      const isShown = isOfRelease && isOfState && (matching > 0 || isAskedForItself);
      host.element.hidden = host.row.hidden = !isShown;
      shownHosts += isShown;
      shownFindings += isShown ? matching : 0;
    }
    const isAll = shownHosts === hosts.length && shownFindings === total;
    by("shown").textContent = isAll
      ? `${amount(hosts.length, "host")}, ${amount(total, "finding")}`
      : `${shownHosts} of ${amount(hosts.length, "host")}, ${shownFindings} of ${amount(total, "finding")}`;
    by("nothing").hidden = shownHosts > 0;
  };
  const order = () => {
    const sorted = fields.order.value === "name" ? [...hosts].sort((one, other) => one.place - other.place) : hosts;
    by("list").append(...sorted.map((host) => host.element));
    document.querySelector(".matrix tbody").append(...sorted.map((host) => host.row));
  };
  let waiting = 0;
  fields.search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
  for (const name of ["choice", "rule", "release"]) fields[name].addEventListener("change", apply);
  fields.order.addEventListener("change", order);
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
  form.addEventListener("reset", () => setTimeout(() => { order(); apply(); }));
  for (const tile of document.querySelectorAll(".tile")) {
    tile.addEventListener("click", () => { fields.choice.value = tile.dataset.choice; apply(); });
  }

  // A link to what lies in a closed host opens it; one to what the filter hides takes the filter away.
  const openTarget = () => {
    const target = location.hash.length > 1 && by(decodeURIComponent(location.hash.slice(1)));
    const host = target && target.closest(".host");
    if (!host) return;
    host.open = true;
    if (host.hidden || target.hidden) { form.reset(); order(); apply(); }
    target.scrollIntoView();
  };
  addEventListener("hashchange", openTarget);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#h"]');
    if (link && link.hash === location.hash) openTarget();
  });
  openTarget();

  const setOpen = (isOpen) => { for (const { element } of hosts) if (!element.hidden) element.open = isOpen; };
  by("open").addEventListener("click", () => setOpen(true));
  by("close").addEventListener("click", () => setOpen(false));

  // Paper has no closed hosts.
  let wereClosed = [];
  addEventListener("beforeprint", () => {
    wereClosed = hosts.filter(({ element }) => !element.open && !element.hidden);
    for (const { element } of wereClosed) element.open = true;
  });
  addEventListener("afterprint", () => { for (const { element } of wereClosed) element.open = false; });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    const remedy = button.parentElement.querySelector(".remedy");
    let done = true;
    try {
      await navigator.clipboard.writeText(remedy.textContent);
    } catch {
      getSelection().selectAllChildren(remedy);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
})();
