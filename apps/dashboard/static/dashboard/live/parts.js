// The parts of the page that are kept up to date: each asks for itself by htmx when
// something about it has happened, and every now and then in any case.
//
// data-live: seconds between two looks while there is no connection; data-calm: while
// there is one; data-gap: seconds that have to lie between two looks at least;
// data-hears: the channel that tells of it; data-about: only this execution;
// data-only: only events of this type.

const CALM_S = 30;
const GAP_S = 1;
const TICK_MS = 250;

const state = new WeakMap(); // part → {at, isAsking, isDirty}

export const liveParts = () => [...document.querySelectorAll("[data-live]")];

function stateOf(part) {
  if (!state.has(part)) state.set(part, { at: Date.now(), isAsking: false, isDirty: false });
  return state.get(part);
}

function secondsOf(part, isLive) {
  if (!isLive) return Number(part.dataset.live) || 2;
  return Number(part.dataset.calm) || CALM_S;
}

export function channelsOf(parts) {
  return new Set(parts.map((part) => part.dataset.hears).filter(Boolean));
}

function concerns(said, { hears, about, only }) {
  if (hears !== said.channel || (only && only !== said.type)) return false;
  return !about || !said.executionId || about === said.executionId;
}

export function touch(said) {
  for (const part of liveParts()) {
    if (concerns(said, part.dataset)) stateOf(part).isDirty = true;
  }
  tick(true);
}

function ask(part) {
  const one = stateOf(part);
  one.isAsking = true;
  one.isDirty = false;
  one.at = Date.now();
  window.htmx.trigger(part, "refresh");
}

export function tick(isLive) {
  if (document.hidden) return;
  for (const part of liveParts()) {
    const one = stateOf(part);
    const passed = (Date.now() - one.at) / 1000;
    const gap = Number(part.dataset.gap) || GAP_S;
    const isDue = passed >= secondsOf(part, isLive) || (one.isDirty && passed >= gap);
    if (isDue && !one.isAsking) ask(part);
  }
}

export function refreshAll() {
  for (const part of liveParts()) stateOf(part).isDirty = true;
  tick(true);
}

export function keepTicking(isLive) {
  liveParts().forEach(stateOf);
  setInterval(() => tick(isLive()), TICK_MS);
  document.addEventListener("htmx:afterRequest", (event) => {
    const part = event.target;
    if (!state.has(part)) return;
    stateOf(part).isAsking = false;
    if (event.detail.xhr.status === 286) part.removeAttribute("data-live");
  });
}
