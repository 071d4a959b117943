// Ties the connection, the parts of the page and the words about it together.

import "./merge.js";
import { LiveSocket } from "./socket.js";
import { channelsOf, keepTicking, liveParts, refreshAll, touch } from "./parts.js";

const said = document.getElementById("connection");
const socket = new LiveSocket();
let isLive = false;
let lastCause = null;

function say(kind, text) {
  if (!said) return;
  const words = said.querySelector("[data-text]");
  if (words.textContent !== text) words.textContent = text;
  said.dataset.state = kind;
  said.classList.toggle("is-late", kind !== "live" && kind !== "over");
  said.hidden = false;
}

function show({ state, cause }) {
  isLive = state === "live";
  if (!liveParts().length) return;
  if (state === "live") {
    lastCause = null;
    say("live", "Live");
  } else if (state === "away") {
    lastCause = cause;
    say(cause.kind, `${cause.text}. Looking every few seconds.`);
  } else if (lastCause === null) {
    say(state, state === "catching-up" ? "Catching up" : "Connecting");
  }
}

function endIfOver() {
  if (!wasLive || liveParts().length) return;
  socket.close();
  say("over", "Up to date");
}

const wasLive = liveParts().length > 0;
if (wasLive) {
  say("connecting", "Connecting");
  keepTicking(() => isLive);
  socket.addEventListener("state", (event) => show(event.detail));
  socket.addEventListener("message", (event) => {
    touch(event.detail);
    document.dispatchEvent(new CustomEvent("rpa:event", { detail: event.detail }));
  });
  socket.addEventListener("hint", (event) => touch(event.detail));
  socket.addEventListener("stale", refreshAll);
  socket.open(channelsOf(liveParts()));
}

document.addEventListener("htmx:afterRequest", endIfOver);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  socket.hurry();
  refreshAll();
});
window.addEventListener("online", () => socket.hurry());
window.addEventListener("pagehide", () => socket.close());
