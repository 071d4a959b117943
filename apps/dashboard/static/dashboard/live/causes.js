// Why there is no connection, in words. Browsers do not tell pages why an upgrade
// failed; a plain request to the same address does (docs/realtime.md).

const WORDS = {
  "signed-out": "Signed out: sign in again",
  "origin": "Live updates refused: this address is not in PUBLIC_URL or ALLOWED_HOSTS",
  "no-upgrade": "No live updates: the proxy passes no WebSocket upgrade",
  "crowded": "No live updates: too many pages are open",
  "away": "The server does not answer",
  "restart": "The server restarts",
  "lost": "Connection lost",
};

export function cause(kind, text = WORDS[kind]) {
  return { kind, text };
}

export function causeOfCode(code) {
  if (code === 1012) return cause("restart");
  if (code === 1008 || code === 1013) return cause("crowded");
  return cause("lost");
}

export function causeOfStatus(status) {
  if (status === 401 || status === 403) return cause("signed-out");
  return cause(String(status), `The server answered ${status}`);
}

export async function explain(path, origin = window.location.origin) {
  const query = new URLSearchParams({ origin });
  let answer;
  try {
    answer = await fetch(`${path}?${query}`, { cache: "no-store" });
  } catch {
    return cause("away");
  }
  if (answer.status !== 426) return causeOfStatus(answer.status);
  const said = await answer.json().catch(() => ({}));
  return cause(said.origin_allowed === false ? "origin" : "no-upgrade");
}
