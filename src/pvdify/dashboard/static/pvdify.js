// Every page works without this file. It keeps times fresh, filters rows, and answers to keys.
"use strict";
(() => {
  const { body } = document;
  document.documentElement.classList.add("scripts");
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const app = () => body.dataset.app;

  // htmx sends the page's token with each request that changes something.
  document.addEventListener("htmx:config:request", (event) => {
    const { request } = event.detail.ctx;
    if (body.dataset.csrf && request.method !== "GET") request.headers["X-CSRF-Token"] = body.dataset.csrf;
  });

  // Times: relative, and the exact one in the reader's zone on hover.
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const relative = (seconds) => {
    const size = Math.abs(seconds);
    if (size < 1) return "now";
    const [factor, unit] = units.find(([each]) => size >= each);
    const text = `${Math.floor(size / factor)} ${unit}`;
    return seconds > 0 ? `${text} ago` : `in ${text}`;
  };
  const showTimes = (from = document) => {
    for (const time of all("time[datetime]", from)) {
      const at = new Date(time.dateTime);
      if (time.classList.contains("clock")) {
        if (!time.dataset.local) time.textContent =
          `${at.toTimeString().slice(0, 8)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
      } else {
        const text = relative((Date.now() - at) / 1000);
        if (time.textContent !== text) time.textContent = text;
      }
      if (!time.dataset.local) {
        time.dataset.local = "yes";
        time.title = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
      }
    }
  };

  // Filters: rows that do not have every word are hidden.
  const filter = (field) => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of all("[data-row]", document.getElementById(field.dataset.filter))) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  };
  document.addEventListener("input", (event) => {
    if (event.target.dataset.filter) filter(event.target);
  });

  // Logs: stay at the end, unless the reader has scrolled up; pause without losing a line.
  const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const ends = new WeakMap();
  const toEnd = (log) => {
    log.scrollTop = log.scrollHeight;
  };
  let waiting = null;
  const say = (textContent, className = "") =>
    Object.assign(document.getElementById("log-state") || {}, { textContent, className });
  document.addEventListener("click", (event) => {
    const pause = event.target.closest("[data-pause]");
    if (pause) {
      const log = document.getElementById(pause.dataset.pause);
      const lines = waiting;
      waiting = waiting ? null : [];
      pause.setAttribute("aria-pressed", String(waiting !== null));
      pause.textContent = waiting ? "Go on" : "Pause";
      if (lines) {
        log.insertAdjacentHTML("beforeend", lines.join(""));
        showTimes(log);
        toEnd(log);
      }
      say(waiting ? "Paused" : "Following");
    }
    const close = event.target.closest("[data-dismiss]");
    if (close) close.parentElement.remove();
  });
  document.addEventListener("live:before", (event) => {
    const { element, text } = event.detail;
    if (element.id === "log" && waiting) {
      waiting.push(text);
      event.preventDefault();
      say(`Paused, ${waiting.length} new`);
      return;
    }
    for (const each of all("[data-keep-end]")) ends.set(each, atEnd(each));
  });
  document.addEventListener("live:after", () => {
    for (const each of all("[data-keep-end]")) {
      while (each.childElementCount > 3000) each.firstElementChild.remove();
      if (ends.get(each)) toEnd(each);
    }
    showTimes();
    all("[data-filter]").forEach(filter);
    mark();
  });
  document.addEventListener("live:state", ({ detail }) => {
    if (detail.isCut) say("The stream was cut; connecting again", "cut");
    else if (!waiting) say("Following");
  });

  // Rows: j and k move, Enter opens.
  let at = -1;
  const rows = () => all("[data-row]").filter((row) => !row.hidden);
  const mark = () => {
    const found = rows();
    if (at >= found.length) at = found.length - 1;
    for (const row of all(".at")) row.classList.remove("at");
    if (at >= 0) found[at].classList.add("at");
  };
  const move = (by) => {
    const found = rows();
    if (!found.length) return;
    at = Math.min(Math.max(at + by, 0), found.length - 1);
    mark();
    const link = found[at].querySelector("a[href]");
    found[at].scrollIntoView({ block: "nearest" });
    link?.focus({ preventScroll: true });
  };

  // Dialogs: the palette and the keys.
  const make = (name, text, parent, attributes = {}) => {
    const element = document.createElement(name);
    if (text) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (parent) parent.append(element);
    return element;
  };
  const dialog = (label) => {
    const made = make("dialog", "", body, { "aria-label": label });
    made.addEventListener("close", () => made.remove());
    made.addEventListener("click", (event) => event.target === made && made.close());
    return made;
  };
  const pages = [["", "App"], ["/releases", "Releases"], ["/logs", "Logs"], ["/router-log", "Router log"],
    ["/config", "Config"], ["/domains", "Domains"], ["/state", "State"], ["/previews", "Previews"]];
  const palette = async () => {
    if (document.querySelector("dialog")) return;
    const box = dialog("Go to");
    const field = make("input", "", box, { type: "search", "aria-label": "Go to an app or page", autocomplete: "off",
      role: "combobox", "aria-expanded": "true", "aria-controls": "places", placeholder: "app and page, like: shop logs" });
    const list = make("ul", "", box, { id: "places", role: "listbox", "aria-label": "Places" });
    let targets = [["Now", "/"], ["Activity", "/activity"], ["Server", "/server"]], chosen = 0;
    const choose = (number) => {
      const options = all("[role=option]", list);
      chosen = Math.min(Math.max(number, 0), options.length - 1);
      options.forEach((option, index) => option.setAttribute("aria-selected", String(index === chosen)));
      if (options[chosen]) options[chosen].scrollIntoView({ block: "nearest" });
    };
    const show = () => {
      const words = field.value.toLowerCase().split(/\s+/);
      list.replaceChildren();
      const found = targets.filter(([name]) => words.every((word) => name.toLowerCase().includes(word)));
      for (const [name, path] of found.slice(0, 50)) {
        const item = make("li", "", list, { role: "none" });
        make("a", name, item, { href: path, role: "option", tabindex: "-1" });
      }
      choose(0);
    };
    field.addEventListener("input", show);
    field.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) choose(chosen + step);
      else if (event.key === "Enter") all("[role=option]", list)[chosen]?.click();
      else return;
      event.preventDefault();
    });
    show();
    box.showModal();
    field.focus();
    const answer = await fetch("/palette").catch(() => null);
    const names = answer?.ok ? await answer.json() : [];
    const ordered = names.sort((a, b) => (b === app()) - (a === app()));
    targets = targets.concat(ordered.flatMap((name) => pages.map(([path, page]) => [`${name} ${page}`, `/apps/${name}${path}`])));
    show();
  };
  const keys = [["/", "filter or search"], ["Ctrl K", "go to an app or page"], ["g n", "Now"], ["g a", "Activity"],
    ["g v", "Server"], ["g r", "Releases of this app"], ["g l", "Logs"], ["g c", "Config"], ["g s", "State"],
    ["j k", "next and previous row"], ["Enter", "open the row"], ["?", "these keys"], ["Esc", "close"]];
  const help = () => {
    if (document.querySelector("dialog")) return;
    const box = dialog("Keys");
    make("h2", "Keys", box);
    const list = make("dl", "", box, { class: "facts" });
    for (const [key, what] of keys) {
      make("kbd", key, make("dt", "", list));
      make("dd", what, list);
    }
    make("button", "Close", box, { type: "button" }).addEventListener("click", () => box.close());
    box.showModal();
  };
  const places = { n: "/", a: "/activity", v: "/server" };
  const ofApp = { r: "/releases", l: "/logs", c: "/config", s: "/state" };
  let wasG = 0;
  document.addEventListener("keydown", (event) => {
    const { key } = event, isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && key.toLowerCase() === "k") {
      event.preventDefault();
      palette();
      return;
    }
    const isWriting = event.target.closest("input, textarea, select, [contenteditable]");
    if (isCommand || event.altKey || isWriting || document.querySelector("dialog")) return;
    if (Date.now() - wasG < 1500) {
      wasG = 0;
      if (places[key]) location.assign(places[key]);
      else if (ofApp[key] && app()) location.assign(`/apps/${app()}${ofApp[key]}`);
    } else if (key === "g") {
      wasG = Date.now();
    } else if (key === "/") {
      const field = document.querySelector("[data-filter], [data-focus]");
      if (!field) return;
      event.preventDefault();
      field.focus();
    } else if (key === "j" || key === "k") {
      move(key === "j" ? 1 : -1);
    } else if (key === "?") {
      help();
    }
  });

  for (const each of all("[data-dismissable]")) {
    make("button", "Dismiss", each, { type: "button", class: "plainly", "data-dismiss": "" });
  }
  all("[data-keep-end]").forEach((log) => location.hash || toEnd(log));
  showTimes();
  setInterval(showTimes, 10000);
})();
