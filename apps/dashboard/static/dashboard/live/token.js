// A token for the WebSocket, which cookies do not open.

import { cause, causeOfStatus } from "./causes.js";

const PATH = "/api/auth/ws-token";

export async function takeToken() {
  const form = document.querySelector("[name=csrfmiddlewaretoken]");
  const organization = document.body.dataset.organization;
  const headers = { "X-CSRFToken": form?.value ?? "" };
  if (organization) headers["X-Organization"] = organization;
  let answer;
  try {
    answer = await fetch(PATH, { method: "POST", headers, cache: "no-store" });
  } catch {
    return { cause: cause("away") };
  }
  if (!answer.ok) return { cause: causeOfStatus(answer.status) };
  const { token } = await answer.json();
  return { token };
}
