// Calls to the platform's API by the page's session. A cookie opens nothing below /api:
// what the editor needs is served to it below /editor, with the page's CSRF token.

export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail || `The server answered ${status}.`);
    this.status = status;
    this.code = problem?.code ?? "";
    this.errors = problem?.errors ?? [];
  }
}

export class Api {
  constructor(token) {
    this.headers = { "X-CSRFToken": token, Accept: "application/json" };
  }

  get(path) {
    return this.call("GET", path);
  }

  yaml(method, path, text, signal) {
    return this.call(method, path, text, "application/yaml", signal);
  }

  json(method, path, value) {
    return this.call(method, path, JSON.stringify(value), "application/json");
  }

  // Raises Refused for what the server says no to, another error when it is not heard.
  async call(method, path, body, type, signal) {
    const headers = type ? { ...this.headers, "Content-Type": type } : this.headers;
    const answer = await fetch(path, { method, headers, body, signal, credentials: "same-origin" });
    const isJson = /json/.test(answer.headers.get("Content-Type") ?? "");
    const value = isJson ? await answer.json() : await answer.text();
    if (!answer.ok) throw new Refused(answer.status, isJson ? value : null);
    return value;
  }

  // Without Accept: an export comes as the file that it is.
  async text(path) {
    const { Accept, ...headers } = this.headers;
    const answer = await fetch(path, { headers, credentials: "same-origin" });
    if (!answer.ok) throw new Refused(answer.status, null);
    return answer.text();
  }
}
