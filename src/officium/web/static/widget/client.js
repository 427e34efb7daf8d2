// The way to the server: sessions, requests and streams. No cookie; what is kept is in the page's storage.

const SILENCE_MS = 60_000;
const REQUEST_MS = 30_000;

// What went wrong. `kind`: network, limited, fault (theirs), refused (ours), gone (no such widget here).
class Refused extends Error {
  constructor(kind, { status = 0, code = null, param = null, waitS = 0, message = "" } = {}) {
    super(message || kind);
    Object.assign(this, { kind, status, code, param, waitS });
  }
}

async function refusal(response) {
  let said = {};
  try {
    said = (await response.json()).error || {};
  } catch {
    // A proxy may answer with something else.
  }
  const { status } = response;
  const kind =
    status === 429 ? "limited"
    : status >= 500 || status === 408 ? "fault"
    : status === 403 || (status === 404 && said.code === "widget_not_found") ? "gone"
    : "refused";
  const waitS = Math.min(3600, Math.max(1, Math.ceil(Number(response.headers.get("retry-after")) || 5)));
  return new Refused(kind, { status, waitS, code: said.code, param: said.param, message: said.message });
}

// What survives a page change: the session, the conversation's number, the visitor's consent. No texts.
class Memory {
  constructor(key) {
    this.name = `officium-widget:${key}`;
    this.fallback = {};
  }

  get all() {
    try {
      return JSON.parse(localStorage.getItem(this.name)) || {};
    } catch {
      return this.fallback;
    }
  }

  set(values) {
    const all = { ...this.all, ...values };
    this.fallback = all;
    try {
      localStorage.setItem(this.name, JSON.stringify(all));
    } catch {
      // Without storage it lasts as long as the page.
    }
  }

  clear() {
    this.fallback = {};
    try {
      localStorage.removeItem(this.name);
    } catch {
      // There was nothing, then.
    }
  }

  // Whether the panel is open is this tab's own affair.
  get isOpen() {
    try {
      return sessionStorage.getItem(this.name) === "open";
    } catch {
      return false;
    }
  }

  set isOpen(value) {
    try {
      if (value) sessionStorage.setItem(this.name, "open");
      else sessionStorage.removeItem(this.name);
    } catch {
      // See above.
    }
  }
}

class Client {
  constructor(server, key, memory) {
    this.server = server;
    this.isOwnPage = server === location.origin;
    this.base = `${server}/api/chat-widget/public/widget/${encodeURIComponent(key)}`;
    this.memory = memory;
    this.renewing = null;
  }

  async fetch(method, path, { body, token, once, signal } = {}) {
    const headers = {};
    if (body !== undefined) headers["content-type"] = "application/json";
    if (token) headers.authorization = `Bearer ${token}`;
    if (once) headers["idempotency-key"] = once;
    if (this.isOwnPage) headers["x-widget-origin"] = location.origin;
    let response;
    try {
      response = await fetch(this.base + path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
        // On the server's own pages its owner may look at a widget that no page may show yet.
        credentials: this.isOwnPage ? "same-origin" : "omit",
        cache: "no-store",
        referrerPolicy: "no-referrer",
      });
    } catch (error) {
      if (signal && signal.aborted && signal.reason === "stop") throw error;
      throw new Refused("network");
    }
    if (!response.ok) throw await refusal(response);
    return response;
  }

  // The server's answer, as the visitor; null where it has no words.
  async call(method, path, body, once) {
    const response = await this.asVisitor((token) =>
      this.fetch(method, path, { body, token, once, signal: AbortSignal.timeout(REQUEST_MS) }),
    );
    try {
      return response.status === 204 ? null : await response.json();
    } catch {
      throw new Refused("network");
    }
  }

  async config() {
    const response = await this.fetch("GET", "/config", { signal: AbortSignal.timeout(REQUEST_MS) });
    return response.json();
  }

  // The widget's own words in a language; none where they cannot be had.
  async texts(language) {
    try {
      const url = `${this.server}/widget/texts/${language}.json`;
      const response = await fetch(url, { credentials: "omit", signal: AbortSignal.timeout(REQUEST_MS) });
      return response.ok ? await response.json() : {};
    } catch {
      return {};
    }
  }

  // Hands on the events of a stream. Ends when the stream does, raises where it breaks or is silent.
  async stream(method, path, { body, once, signal, onEvent }) {
    const quiet = new AbortController();
    if (signal) signal.addEventListener("abort", () => quiet.abort("stop"));
    let timer;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort("silence"), SILENCE_MS);
    };
    wait();
    try {
      const response = await this.asVisitor((token) =>
        this.fetch(method, path, { body, token, once, signal: quiet.signal }),
      );
      await this.read(response, wait, onEvent);
    } catch (error) {
      if (error instanceof Refused || (signal && signal.aborted)) throw error;
      throw new Refused("network");
    } finally {
      clearTimeout(timer);
    }
  }

  async read(response, wait, onEvent) {
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      wait();
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const name = /^event: (.*)$/m.exec(block);
        const data = /^data: (.*)$/m.exec(block);
        if (name && data) onEvent(name[1], JSON.parse(data[1]));
      }
    }
  }

  // Does it with the visitor's token; with a renewed one where the server says that it has ended.
  async asVisitor(work) {
    try {
      return await work(await this.token());
    } catch (error) {
      if (error.code !== "visitor_session_invalid") throw error;
      return work(await this.renew());
    }
  }

  async token() {
    const { session } = this.memory.all;
    if (session && Date.parse(session.expires_at) - 30_000 > Date.now()) return session.token;
    return this.renew();
  }

  renew() {
    this.renewing ||= this.openSession().finally(() => (this.renewing = null));
    return this.renewing;
  }

  async openSession() {
    const { session } = this.memory.all;
    const open = async (token) => {
      const response = await this.fetch("POST", "/session", { token, signal: AbortSignal.timeout(REQUEST_MS) });
      const opened = await response.json();
      this.memory.set({ session: opened });
      return opened.token;
    };
    if (!session) return open();
    try {
      return await open(session.token);
    } catch (error) {
      if (error.code !== "visitor_session_invalid") throw error;
      this.memory.set({ session: null, conversation: null, isLive: false });
      return open();
    }
  }
}

// Something nobody else will say: `crypto.randomUUID` needs HTTPS, which a page may not have.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    if (signal) signal.addEventListener("abort", () => (clearTimeout(timer), resolve()));
  });
}
