// One connection to /ws that keeps itself: it signs in with a token of its own,
// subscribes, comes back when it is lost, and asks for what it missed meanwhile.
//
// Tells by events: `state` {state, cause}, `message` {channel, …} for each event in
// order and once, `hint` for steps, and `stale` {channel} when something was missed
// that cannot be had any more: then the page has to be read anew.

import { causeOfCode, explain } from "./causes.js";
import { pauseMs } from "./pauses.js";
import { takeToken } from "./token.js";

const PATH = "/ws";
const EXPIRED = "token_expired";
const TOO_LONG_AGO = new Set(["replay_too_long", "unknown_event"]);
const GONE = new Set(["unknown_channel", "too_many_subscriptions"]);
const RENEW_BEFORE_MS = 60_000;
// Longer than the server's pings are apart: then nothing comes any more.
const SILENT_MS = 50_000;

export class LiveSocket extends EventTarget {
  constructor() {
    super();
    this.channels = new Map(); // name → {last: number | null, isReady: boolean}
    this.attempt = 0;
    this.turn = 0; // grows with each attempt: what an older one hears is void
    this.isClosed = false;
  }

  open(names) {
    for (const name of names) this.channels.set(name, { last: null, isReady: false });
    this.connect();
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.retryTimer);
    this.drop();
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  say(action, values) {
    if (this.socket?.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify({ action, ...values }));
    }
  }

  // --- the connection -----------------------------------------------------------

  async connect() {
    clearTimeout(this.retryTimer);
    this.retryTimer = null;
    if (this.isClosed) return;
    const turn = ++this.turn;
    const { token, cause } = await takeToken();
    if (this.isClosed || turn !== this.turn) return;
    if (cause) {
      this.later(cause);
      return;
    }
    this.tell("state", { state: "connecting" });
    const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
    const url = `${scheme}//${window.location.host}${PATH}`;
    const socket = new WebSocket(url, ["rpa.v1", `bearer.${token}`]);
    this.socket = socket;
    let wasOpen = false;
    socket.onopen = () => (wasOpen = true);
    socket.onmessage = (event) => {
      if (this.socket === socket) this.hear(JSON.parse(event.data));
    };
    socket.onclose = async (event) => {
      if (this.socket !== socket) return;
      this.drop();
      this.later(wasOpen ? causeOfCode(event.code) : await explain(PATH), event.code);
    };
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    clearTimeout(this.renewTimer);
    clearTimeout(this.silenceTimer);
    for (const one of this.channels.values()) one.isReady = false;
    socket?.close();
  }

  later(cause, code) {
    if (this.isClosed) return;
    const isExpired = this.error === EXPIRED;
    this.error = null;
    if (isExpired && code === 4401) {
      this.connect();
      return;
    }
    this.tell("state", { state: "away", cause });
    const pause = pauseMs(this.attempt, code);
    this.attempt += 1;
    this.retryTimer = setTimeout(() => this.connect(), pause);
  }

  // The page is looked at again, or the network is back: do not wait any longer.
  hurry() {
    if (this.socket || this.isClosed || !this.retryTimer) return;
    this.attempt = 0;
    this.connect();
  }

  listenForSilence() {
    clearTimeout(this.silenceTimer);
    const socket = this.socket;
    this.silenceTimer = setTimeout(() => {
      if (this.socket !== socket) return;
      this.drop();
      this.later(causeOfCode(0));
    }, SILENT_MS);
  }

  // --- what it says -------------------------------------------------------------

  hear(said) {
    this.listenForSilence();
    if (said.type === "authenticated") this.welcome(said);
    else if (said.type === "subscribed") this.begin(said);
    else if (said.type === "unsubscribed") this.channels.delete(said.channel);
    else if (said.type === "ping") this.compare(said.last_event_id ?? {});
    else if (said.type === "error") this.fail(said);
    else if (said.id) this.take(said);
    else if (said.channel) this.tell("hint", said);
  }

  welcome(said) {
    // After a renewed token it hears them already.
    for (const [name, { isReady }] of this.channels) if (!isReady) this.subscribe(name);
    if (!said.expires_at) return;
    const left = Date.parse(said.expires_at) - Date.now();
    const pause = Math.max(left - RENEW_BEFORE_MS, left / 2, 1_000);
    clearTimeout(this.renewTimer);
    this.renewTimer = setTimeout(() => this.renew(), pause);
  }

  async renew() {
    const { token } = await takeToken();
    // Without one it ends when it ends; coming back finds out why.
    if (token) this.say("authenticate", { token });
  }

  subscribe(name) {
    const { last } = this.channels.get(name);
    this.channels.get(name).isReady = false;
    this.tell("state", { state: "catching-up" });
    this.say("subscribe", last === null ? { channel: name } : { channel: name, last_event_id: last });
  }

  begin(said) {
    const channel = this.channels.get(said.channel);
    if (!channel) return;
    // What came before the first subscription stands in no replay.
    if (channel.last === null) this.tell("stale", { channel: said.channel });
    channel.last ??= said.last_event_id;
    channel.isReady = true;
    if ([...this.channels.values()].every((one) => one.isReady)) {
      this.attempt = 0;
      this.tell("state", { state: "live" });
    }
  }

  take(said) {
    const channel = this.channels.get(said.channel);
    if (!channel?.isReady || said.id <= channel.last) return;
    if (said.prev > channel.last) {
      this.subscribe(said.channel); // some are missing: they are replayed, this one too
      return;
    }
    channel.last = said.id;
    this.tell("message", said);
  }

  compare(newest) {
    this.say("pong");
    for (const [name, id] of Object.entries(newest)) {
      const channel = this.channels.get(name);
      if (channel?.isReady && id > channel.last) this.subscribe(name);
    }
  }

  fail(said) {
    this.error = said.code;
    if (!said.channel || !this.channels.has(said.channel)) return;
    if (TOO_LONG_AGO.has(said.code)) {
      this.channels.get(said.channel).last = null;
      this.subscribe(said.channel);
    } else if (GONE.has(said.code)) {
      this.channels.delete(said.channel);
    } else {
      this.drop();
      this.later(causeOfCode(0));
    }
  }
}
