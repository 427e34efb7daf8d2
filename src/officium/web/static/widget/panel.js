// The frame around the talk: launcher, header, menu, composer, and where the focus goes.

const PHONE = "(max-width: 30rem), (max-height: 26rem)";

class Panel {
  constructor(chat) {
    this.chat = chat;
    this.say = make("div", { class: "hidden", role: "status", "aria-live": "polite" });
    this.phone = matchMedia(PHONE);
    this.root = make("section", { class: "root" });
    this.unread = 0;
    this.build();
  }

  // Everything anew, in the chat's language and with its owner's texts.
  build() {
    const { chat } = this;
    const { texts } = chat;
    this.badge = make("span", { class: "badge", hidden: true });
    this.launcher = make(
      "button",
      { type: "button", class: "launcher", "aria-label": texts.open, "aria-expanded": "false", "aria-controls": "panel", onclick: () => chat.toggle() },
      icon("chat"),
      icon("down"),
      this.badge,
    );
    this.bar = make("div", { class: "bar", hidden: true });
    this.panel = make(
      "div",
      { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: true },
      this.buildHead(),
      this.bar,
      chat.thread.box,
      this.buildComposer(),
    );
    this.root.setAttribute("aria-label", chat.title);
    this.root.lang = chat.language;
    this.root.dir = RIGHT_TO_LEFT.includes(plainLanguage(chat.language)) ? "rtl" : "ltr";
    this.root.replaceChildren(this.panel, this.launcher, this.say);
    this.panel.addEventListener("keydown", (event) => this.onKey(event));
  }

  buildHead() {
    const { chat } = this;
    const { texts } = chat;
    this.who = make("p");
    this.showWho();
    this.menu = make("div", { class: "menu", id: "menu", hidden: true });
    this.more = iconButton("more", texts.menu, {
      class: "quiet more",
      "aria-expanded": "false",
      "aria-controls": "menu",
      onclick: () => this.showMenu(this.menu.hidden),
    });
    const close = iconButton("close", texts.close, { class: "quiet close", onclick: () => chat.close() });
    return make(
      "header",
      { class: "head" },
      make("span", { class: "face", "aria-hidden": "true" }, icon("spark")),
      make("div", { class: "names" }, make("h2", { id: "title" }, make("bdi", {}, chat.title)), this.who),
      this.more,
      close,
      this.menu,
    );
  }

  // Below the title: the assistant, or people.
  showWho() {
    this.root.classList.toggle("live", this.chat.isLive);
    this.who.textContent = this.chat.isLive ? this.chat.texts.team : this.chat.own("subtitle");
  }

  showMenu(isShown) {
    const { chat } = this;
    const { texts } = chat;
    const entry = (name, label, does) => {
      const run = () => {
        this.showMenu(false);
        this.more.focus();
        does();
      };
      return make("button", { type: "button", onclick: run }, icon(name), label);
    };
    const entries = [
      chat.look.handover !== false && !chat.isLive && entry("person", texts.person, () => chat.askForPerson()),
      chat.look.lead_form !== false && entry("mail", texts.lead, () => chat.showLead()),
      entry("restart", texts.restart, () => chat.restart()),
      chat.hasSession && entry("download", texts.download, () => chat.download()),
      chat.hasSession && entry("bin", texts.forget, () => this.askForget()),
    ];
    const privacy = safeAddress(chat.look.privacy_url || "");
    const last = privacy && make("p", {}, link(privacy, texts.privacy));
    this.menu.replaceChildren(...entries.filter(Boolean), ...(last ? [last] : []));
    this.menu.hidden = !isShown;
    this.more.setAttribute("aria-expanded", String(isShown));
    if (isShown) this.menu.querySelector("button").focus();
  }

  askForget() {
    const others = [...this.panel.children];
    const veil = forgetDialog(this.chat, () => {
      veil.remove();
      others.forEach((each) => (each.inert = false));
      this.chat.focusComposer();
    });
    others.forEach((each) => (each.inert = true));
    this.panel.append(veil);
    veil.querySelector(".plain").focus();
  }

  buildComposer() {
    const { chat } = this;
    const { texts } = chat;
    this.input = make("textarea", {
      id: "input",
      rows: "1",
      placeholder: chat.own("placeholder"),
      "aria-label": chat.own("placeholder"),
      "aria-describedby": "count",
      enterkeyhint: "send",
    });
    this.count = make("span", { class: "fault-text", id: "count", role: "status" });
    this.sendButton = iconButton("send", texts.send, { class: "send", type: "submit" });
    this.composer = make("form", { class: "composer" }, make("div", { class: "write" }, this.input, this.sendButton), this.count);
    const hint = chat.own("hint");
    if (hint) this.composer.append(make("p", { class: "hint" }, make("bdi", {}, hint)));
    this.input.addEventListener("input", () => this.onInput());
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.composer.requestSubmit();
    });
    this.composer.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.isReady && chat.send(this.input.value)) {
        this.input.value = "";
        this.onInput();
      }
    });
    return this.composer;
  }

  get isReady() {
    const { value } = this.input;
    return Boolean(value.trim()) && value.length <= this.chat.longest && !this.chat.isBusy && !this.input.disabled;
  }

  onInput() {
    const over = this.input.value.length - this.chat.longest;
    this.count.textContent = over > 0 ? this.chat.texts.tooLong.replace("{n}", over) : "";
    this.input.dir = this.input.value ? "auto" : "";
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight + 2, 140)}px`;
    this.update();
  }

  // The button cannot be used while there is nothing to send; it stays where the focus can reach it.
  update() {
    this.sendButton.setAttribute("aria-disabled", String(!this.isReady));
    this.panel.setAttribute("aria-busy", String(this.chat.isBusy));
  }

  onKey(event) {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.stopPropagation();
      if (this.menu.hidden) return this.chat.close();
      this.showMenu(false);
      this.more.focus();
    }
    if (event.key === "Tab" && this.phone.matches) this.keepFocus(event);
  }

  // On a phone the panel covers the page, so the focus goes round in it.
  keepFocus(event) {
    const all = [...this.panel.querySelectorAll("a[href], button, input, textarea, summary, [tabindex='0']")];
    const seen = all.filter((each) => !each.disabled && each.getClientRects().length && !each.closest("[inert]"));
    const [first, last] = [seen[0], seen[seen.length - 1]];
    const active = this.root.getRootNode().activeElement;
    if (event.shiftKey && active === first) last.focus();
    else if (!event.shiftKey && active === last) first.focus();
    else return;
    event.preventDefault();
  }

  show(isOpen, takesFocus) {
    this.panel.hidden = !isOpen;
    this.root.classList.toggle("open", isOpen);
    this.launcher.setAttribute("aria-expanded", String(isOpen));
    this.launcher.setAttribute("aria-label", isOpen ? this.chat.texts.close : this.chat.texts.open);
    this.panel.setAttribute("aria-modal", String(this.phone.matches));
    this.fit();
    if (isOpen) {
      this.setUnread(0);
      this.onInput();
      this.chat.thread.follow(true);
    }
    if (!takesFocus) return;
    if (isOpen) this.focus();
    else this.launcher.focus();
  }

  // On a touch screen a focused field would cover half of the panel with a keyboard.
  focus() {
    const agree = this.panel.querySelector(".consent .primary");
    if (agree) agree.focus();
    else if (matchMedia("(pointer: coarse)").matches) this.panel.querySelector(".close").focus();
    else this.input.focus();
  }

  setUnread(count) {
    this.unread = count;
    this.badge.hidden = !count;
    this.badge.textContent = count > 9 ? "9+" : String(count);
    if (!count) return;
    this.launcher.setAttribute("aria-label", `${this.chat.texts.open}. ${this.chat.texts.unread.replace("{n}", count)}`);
  }

  // Above a phone's keyboard, and nothing behind the panel scrolls.
  fit() {
    const covers = this.phone.matches && !this.panel.hidden;
    const view = window.visualViewport;
    this.root.style.setProperty("--view", covers && view ? `${view.height}px` : "100dvh");
    this.root.style.setProperty("--view-top", covers && view ? `${view.offsetTop}px` : "0px");
    const page = document.documentElement.style;
    if (covers && this.scrolling === undefined) {
      this.scrolling = page.overflow;
      page.overflow = "hidden";
    } else if (!covers && this.scrolling !== undefined) {
      page.overflow = this.scrolling;
      this.scrolling = undefined;
    }
  }

  // The owner's colour, and what can be read on it and beside it.
  paint() {
    const { look, host } = this.chat;
    const theme = host.getAttribute("data-theme") || look.theme;
    const isDark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    const isAtStart = (host.getAttribute("data-position") || look.position) === "start";
    this.root.classList.toggle("dark", isDark);
    this.root.classList.toggle("at-start", isAtStart);
    const { style } = this.root;
    for (const name of ["--config-accent", "--readable", "--on-config"]) style.removeProperty(name);
    if (typeof look.accent === "string" && CSS.supports("color", look.accent))
      style.setProperty("--config-accent", look.accent);
    if (matchMedia("(forced-colors: active)").matches) return;
    const accent = readColour(this.launcher, "backgroundColor");
    const ground = readColour(this.say, "backgroundColor");
    if (!accent || !ground) return;
    const ends = isDark ? [255, 255, 255] : [0, 0, 0];
    const onAccent = contrast(accent, [255, 255, 255]) >= 4.5 ? "#fff" : "#10131c";
    style.setProperty("--readable", `rgb(${readable(accent, ends, ground).join(" ")})`);
    style.setProperty("--on-config", onAccent);
  }
}
