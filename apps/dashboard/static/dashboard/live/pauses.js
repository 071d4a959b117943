// How long to wait before the next attempt: growing, bounded, and never the same for
// two pages, so that a server that comes back is not met by all of them at once.

const FIRST_MS = 500;
// However long a server was away, all of its clients are back within ten seconds: the
// rest is for the connection itself.
const LONGEST_MS = 8_000;
// A server that restarts says so; all of its clients come back within this time.
const RESTART_MS = 10_000;
const RESTART = 1012;
const CROWDED_MS = 30_000;
const CROWDED = new Set([1008, 1013]);

export function pauseMs(attempt, code, random = Math.random) {
  if (code === RESTART && attempt === 0) return random() * RESTART_MS;
  if (CROWDED.has(code)) return CROWDED_MS * (0.5 + random() / 2);
  const longest = Math.min(FIRST_MS * 2 ** attempt, LONGEST_MS);
  return longest * (0.5 + random() / 2);
}
