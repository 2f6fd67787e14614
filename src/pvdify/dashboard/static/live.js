// Live parts of a page. `data-live` of an element is the address of a stream of server-sent events, `data-swap` what htmx
// does with each message. Over HTTP/1.1 a browser has six connections to a site for all of its tabs, so that streams of
// four visible tabs stay open. The other tabs take turns and ask for what is new; a hidden tab asks for nothing.
"use strict";
(() => {
  const STREAMS = 4;
  const AGAIN = 1000, BETWEEN_TURNS = 2000, LONGEST_PAUSE = 30000; // milliseconds, as are the next two
  const SILENCE = 40000; // the server sends something at least every 15 s, so that this connection is dead
  const LONGEST_TURN = 15000;
  const REFUSED = 60000; // without streams after a refused one: the tab takes turns, which are never refused
  const ENDS = { 401: "You are signed out. Load the page again to sign in.",
    403: "You may no longer read this. Load the page again.", 404: "This is no longer there. Load the page again." };
  const { locks } = navigator;

  const sleepers = new Set();
  const sleep = (milliseconds) => new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      sleepers.delete(wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    sleepers.add(wake);
  });
  const wakeAll = () => [...sleepers].forEach((wake) => wake());
  for (const name of ["visibilitychange", "online", "pageshow"]) addEventListener(name, wakeAll);

  // A lock that all tabs of the browser share. Returns the function that frees it, or null if it is taken.
  const hold = (name, options) => new Promise((resolve) => {
    const held = (lock) => lock ? new Promise((free) => resolve(free)) : resolve(null);
    locks.request(`pvdify ${name}`, options, held).catch(() => resolve(null));
  });
  const place = async () => {
    for (let number = 1; number <= STREAMS; number += 1) {
      const free = await hold(`stream ${number}`, { ifAvailable: true });
      if (free) return free;
    }
    return null;
  };

  let answered = new Date();
  const note = (text, isCut) => {
    const line = document.getElementById("cut");
    line.textContent = text;
    line.hidden = !text;
    document.dispatchEvent(new CustomEvent("live:state", { detail: { isCut } }));
  };
  const fail = (stream, { status }) => {
    stream.failures += 1;
    if (status === 429 || status === 503) stream.refused = Date.now();
    stream.isOver = status in ENDS;
    const cut = `No answer from pvdifyd since ${answered.toLocaleTimeString()}. What you see may be old; asking again.`;
    note(ENDS[status] || (stream.failures > 1 ? cut : ""), true);
  };

  const show = async (stream, text) => {
    const data = [];
    let name = "";
    for (const line of text.split("\n")) {
      const [, field, value] = /^(\w*): ?(.*)$/.exec(line) || [];
      if (field === "data") data.push(value);
      else if (field === "id") stream.seen = value;
      else if (field === "event") name = value;
    }
    if (name === "end") stream.isOver = true;
    if (name || !data.length) return;
    const { element } = stream, detail = { element, text: data.join("\n") };
    if (!document.dispatchEvent(new CustomEvent("live:before", { detail, cancelable: true }))) return;
    await htmx.swap({ sourceElement: element, target: element, swap: element.dataset.swap, text: detail.text });
    document.dispatchEvent(new CustomEvent("live:after", { detail }));
  };

  const read = async (stream, isTurn) => {
    const stop = new AbortController(), leave = () => document.hidden && stop.abort();
    let timer;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(), isTurn ? LONGEST_TURN : SILENCE);
    };
    document.addEventListener("visibilitychange", leave);
    try {
      wait();
      const headers = { Accept: "text/event-stream" };
      if (stream.seen) headers["Last-Event-ID"] = stream.seen;
      const address = stream.element.dataset.live + (isTurn ? "&turn=yes" : "");
      const answer = await fetch(address, { headers, signal: stop.signal });
      if (!answer.ok) throw answer;
      stream.failures = 0;
      note("", false);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done || !stream.element.isConnected) return;
        wait();
        answered = new Date();
        const messages = (text + value).split("\n\n");
        text = messages.pop();
        for (const message of messages) await show(stream, message);
      }
    } finally {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", leave);
      stop.abort();
    }
  };

  const pause = (stream, isTurn) => {
    if (!stream.failures) return isTurn ? BETWEEN_TURNS : AGAIN;
    return Math.min(AGAIN * 2 ** (stream.failures - 1), LONGEST_PAUSE) * (0.7 + 0.6 * Math.random());
  };
  const follow = async (element) => {
    const stream = { element, seen: "", failures: 0, refused: -REFUSED, isOver: false };
    while (element.isConnected && !stream.isOver) {
      while (document.hidden) await sleep(REFUSED);
      const free = locks && Date.now() - stream.refused > REFUSED ? await place() : null;
      const done = locks && !free ? await hold("turn", {}) : null;
      try {
        if (!document.hidden) await read(stream, !free);
      } catch (error) {
        if (!document.hidden) fail(stream, error);
      } finally {
        free?.();
        done?.();
      }
      if (!stream.isOver && !document.hidden) await sleep(pause(stream, !free));
    }
  };
  for (const element of document.querySelectorAll("[data-live]")) follow(element);
})();
