// The custom element, what pages may call, and how the script tag begins it.

class OfficiumChat extends HTMLElement {
  static observedAttributes = ["data-theme", "data-position"];

  connectedCallback() {
    if (this.chat) return;
    const key = this.getAttribute("data-widget-key");
    const server = (this.getAttribute("data-server") || SERVER).replace(/\/+$/, "");
    if (!key) {
      console.error("Officium widget: the attribute data-widget-key is missing.");
      return;
    }
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.chat = new Chat(this, server, key);
    this.chat.panel.root.hidden = true;
    root.append(this.chat.panel.root);
    this.watch();
    this.ready = this.chat.begin().then((isShown) => {
      this.chat.panel.root.hidden = !isShown;
      if (isShown) this.chat.panel.paint();
      return isShown;
    });
  }

  disconnectedCallback() {
    this.chat?.stopListening();
    this.leaving?.abort();
  }

  attributeChangedCallback() {
    this.chat?.panel.paint();
  }

  watch() {
    const { chat } = this;
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    for (const wish of ["(prefers-color-scheme: dark)", "(forced-colors: active)"])
      matchMedia(wish).addEventListener("change", () => chat.panel.paint(), { signal });
    chat.panel.phone.addEventListener("change", () => chat.panel.show(chat.isOpen, false), { signal });
    for (const name of ["resize", "scroll"])
      window.visualViewport?.addEventListener(name, () => chat.panel.fit(), { signal });
    // Another tab has forgotten the visitor, or has begun anew.
    window.addEventListener("storage", (event) => {
      if (event.key !== chat.memory.name || event.newValue !== null) return;
      chat.stopListening();
      chat.forgetTalk();
      if (chat.isOpen) chat.welcome(false);
    }, { signal });
  }

  open() {
    this.ready?.then((isShown) => isShown && this.chat.open());
  }

  close() {
    this.ready?.then(() => this.chat.close());
  }

  toggle() {
    this.ready?.then((isShown) => isShown && this.chat.toggle());
  }

  // Opens the chat and says something for the visitor. Resolves when it is answered; false: not sent.
  async send(text) {
    if (!(await this.ready)) return false;
    this.chat.open();
    await this.chat.asked;
    if (!this.chat.send(text)) return false;
    await this.chat.asked;
    return true;
  }

  async forget() {
    await this.ready;
    await this.chat.forget();
  }

  repaint() {
    this.chat?.panel.paint();
  }

  // Calls back at each event `name`, until the function that it gives is called.
  on(name, callback) {
    const heard = (event) => callback(event.detail);
    this.addEventListener(`officium:${name}`, heard);
    return () => this.removeEventListener(`officium:${name}`, heard);
  }
}

const SCRIPT = document.currentScript || document.querySelector("script[data-widget-key]");
const SERVER = SCRIPT && SCRIPT.src ? new URL(SCRIPT.src).origin : location.origin;

if (!customElements.get("officium-chat")) customElements.define("officium-chat", OfficiumChat);

function embed() {
  const key = SCRIPT && SCRIPT.getAttribute("data-widget-key");
  if (!key || document.querySelector(`officium-chat[data-widget-key="${CSS.escape(key)}"]`)) return;
  const element = document.createElement("officium-chat");
  for (const { name, value } of SCRIPT.attributes) if (name.startsWith("data-")) element.setAttribute(name, value);
  document.body.append(element);
  window.Officium ||= element;
  if (element.hasAttribute("data-open")) element.open();
}

if (document.body) embed();
else document.addEventListener("DOMContentLoaded", embed);
