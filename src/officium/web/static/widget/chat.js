// The conversation: what is asked, what comes back, what is done when it does not, and who is told.

class Chat {
  constructor(host, server, key) {
    this.host = host;
    this.key = key;
    this.memory = new Memory(key);
    this.client = new Client(server, key, this.memory);
    this.look = {};
    this.name = "";
    this.longest = 4000;
    this.isBusy = false;
    this.isRestored = false;
    this.last = 0;
    this.status = "bot";
    this.unsent = [];
    this.asked = Promise.resolve();
    this.texts = ENGLISH;
    this.language = "en";
    this.thread = new Thread(this);
    this.panel = new Panel(this);
  }

  // What the owner wrote: one text for all, or one for each language.
  own(name) {
    const said = this.look[name];
    if (typeof said === "string") return said;
    const plain = plainLanguage(this.language);
    const mine = plain === "en" || LANGUAGES.includes(plain) ? this.texts[name] : undefined;
    const found = said?.[this.language] ?? said?.[plain] ?? mine ?? said?.en ?? this.texts[name];
    return typeof found === "string" ? found : "";
  }

  get title() {
    return this.own("title") || this.name || "Chat";
  }

  get suggested() {
    const said = this.look.suggested_questions;
    const found = Array.isArray(said) ? said : said?.[this.language] || said?.[plainLanguage(this.language)] || said?.en;
    return (Array.isArray(found) ? found : []).filter((each) => typeof each === "string" && each.trim()).slice(0, 6);
  }

  get conversation() {
    return this.memory.all.conversation || null;
  }

  get hasSession() {
    return Boolean(this.memory.all.session);
  }

  get isLive() {
    return this.status === "waiting" || this.status === "human";
  }

  get needsConsent() {
    return Boolean(this.own("consent_text")) && !this.memory.all.hasConsented;
  }

  get isOpen() {
    return !this.panel.panel.hidden;
  }

  nameOf(speaker) {
    return { visitor: this.texts.you, agent: this.texts.team }[speaker] || this.texts.assistant;
  }

  async setLanguage(offered) {
    const page = this.host.closest("[lang]") || document.documentElement;
    const wanted = [this.host.getAttribute("data-language"), page.lang, ...navigator.languages].filter(Boolean);
    this.language = chooseLanguage(wanted, offered);
    const plain = plainLanguage(this.language);
    this.texts = LANGUAGES.includes(plain) ? { ...ENGLISH, ...(await this.client.texts(plain)) } : ENGLISH;
  }

  // Tells the page, by an event that rises to its document.
  tell(name, detail = {}) {
    const event = new CustomEvent(`officium:${name}`, { bubbles: true, composed: true, detail: { widget_key: this.key, ...detail } });
    this.host.dispatchEvent(event);
  }

  // Tells those who listen to the page instead of seeing it.
  say(text) {
    this.panel.say.textContent = "";
    setTimeout(() => (this.panel.say.textContent = text), 50);
  }

  wordsFor(error) {
    const { texts } = this;
    if (error.kind === "network") return texts.offline;
    if (error.kind === "limited") return this.wordsForWait(error.waitS);
    if (error.kind === "gone") return texts.unavailable;
    if (error.kind === "refused") return texts.refused;
    return texts.fault;
  }

  wordsForWait(seconds) {
    const { limited, later } = this.texts;
    return seconds > 90 ? later.replace("{n}", Math.ceil(seconds / 60)) : limited.replace("{n}", seconds);
  }

  // Reads how the widget is to look. `false` where this page may not show it at all.
  async configure() {
    try {
      const config = await this.client.config();
      this.look = config.appearance || {};
      this.name = config.name;
      this.longest = config.longest_message;
      this.teamIsThere = config.is_open;
      await this.setLanguage(config.languages || []);
      this.fault = null;
    } catch (error) {
      this.fault = error;
      if (error.kind !== "gone") await this.setLanguage([]);
      if (error.kind === "gone") {
        console.error(`Officium widget: ${error.message}`);
        this.tell("error", { kind: "gone", code: error.code, message: error.message });
        return false;
      }
    }
    this.thread.box.setAttribute("aria-label", this.texts.conversation);
    const draft = this.panel.input.value;
    this.panel.build();
    this.panel.input.value = draft;
    return true;
  }

  async begin() {
    if (!(await this.configure())) return false;
    this.panel.paint();
    this.tell("ready");
    if (this.memory.isOpen && !this.panel.phone.matches) this.open({ takesFocus: false });
    else if (this.memory.all.isLive) this.restore();
    return true;
  }

  open({ takesFocus = true } = {}) {
    if (this.isOpen) return;
    this.memory.isOpen = true;
    this.panel.show(true, takesFocus);
    this.noteSeen();
    this.tell("open");
    this.welcome(takesFocus);
  }

  close() {
    if (!this.isOpen) return;
    this.memory.isOpen = false;
    this.panel.show(false, document.activeElement === this.host);
    this.tell("close");
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  focusComposer() {
    if (this.isOpen) this.panel.focus();
  }

  // Fills the opened panel: with what was said before, or with a greeting.
  async welcome(takesFocus) {
    if (this.fault) {
      this.thread.put("fault", icon("alert"), make("p", {}, this.texts.loading));
      if (await this.configure()) this.panel.paint();
      this.panel.show(true, takesFocus);
      this.thread.drop("fault");
      if (this.fault) return this.showFault(this.fault, () => this.welcome(true));
    }
    this.thread.drop("fault");
    if (this.needsConsent) return this.askConsent();
    this.panel.input.disabled = false;
    if (!this.thread.bubbles.length) this.greet();
    await this.restore();
  }

  greet() {
    this.thread.add({ speaker: "widget", text: this.own("greeting") });
    if (!this.conversation) this.thread.suggest(this.suggested);
  }

  // What was said before, here or on another page.
  async restore() {
    if (!this.conversation || this.isBusy || this.listening) return;
    try {
      const found = await this.client.call("GET", `/conversations/${this.conversation}?after=${this.last}`);
      this.isRestored = true;
      if (found.messages.length) this.thread.drop("suggestions");
      found.messages.forEach((each) => this.take(each));
      this.thread.follow(true);
      this.setStatus(found.status, { isQuiet: true });
      this.resume(found.messages[found.messages.length - 1]);
    } catch (error) {
      if (error.status === 404) this.memory.set({ conversation: null, isLive: false });
      else if (!this.isRestored) this.showFault(error, () => this.restore());
    }
  }

  // A question whose answer was lost with the page it was asked on is asked again.
  resume(newest) {
    if (!newest || this.status !== "bot" || newest.speaker !== "visitor") return;
    const bubble = this.thread.bubbles.find((each) => each.said.id === newest.id);
    if (Date.now() - Date.parse(newest.created_at) < 300_000) this.ask(newest.text, bubble);
  }

  // Shows a message that the server has kept.
  take(said) {
    const { seen = 0 } = this.memory.all;
    this.last = Math.max(this.last, said.id);
    this.noteSeen();
    if (this.thread.has(said.id)) return;
    if (said.speaker === "visitor") {
      const own = this.unsent.findIndex((bubble) => bubble.said.text === said.text);
      if (own >= 0) {
        this.unsent.splice(own, 1)[0].said.id = said.id;
        return;
      }
    }
    const bubble = this.thread.add({ ...said, text: "" });
    bubble.finish(said);
    if (said.speaker !== "agent" || said.id <= seen) return;
    this.say(`${this.texts.team}: ${bubble.body.textContent}`);
    if (!this.isOpen) this.panel.setUnread(this.panel.unread + 1);
    this.tell("message", { speaker: "agent", text: said.text, message_id: said.id });
  }

  // What was said up to here has been seen, also when the next page asks.
  noteSeen() {
    if (this.isOpen && this.last) this.memory.set({ seen: this.last });
  }

  // Whether it goes out. What a visitor writes is never lost: it stays in the thread, with a retry.
  send(text) {
    const said = String(text ?? "").trim().slice(0, this.longest);
    if (!said || this.needsConsent || (this.isBusy && !this.isLive)) return false;
    const bubble = this.thread.add({ speaker: "visitor", text: said });
    this.unsent.push(bubble);
    this.tell("message", { speaker: "visitor", text: said });
    this.ask(said, bubble);
    return true;
  }

  ask(text, bubble, once = randomKey()) {
    this.thread.drop("fault", "suggestions", "notice");
    this.setBusy(true);
    this.asked = this.asked.then(async () => {
      this.setBusy(true);
      try {
        await this.exchange(text, once);
      } catch (error) {
        this.showFault(error, () => this.ask(text, bubble, error.kind === "network" ? once : randomKey()));
      } finally {
        this.thread.drop("typing");
        this.setBusy(false);
      }
    });
    return this.asked;
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.panel.update();
  }

  // Asks, and asks again once where the answer was cut off and the server has none.
  async exchange(text, once) {
    if (this.memory.all.isConsentNoted === false) await this.noteConsent();
    if (!this.isLive) this.thread.typing();
    if (await this.hear(text, once)) return;
    this.showBar(this.texts.cut);
    try {
      if (await this.recover()) return;
      if (!(await this.hear(text, once))) throw new Refused("network");
    } finally {
      this.hideBar();
    }
  }

  // Reads an answer. Gives false where it had begun and broke off.
  async hear(text, once) {
    let bubble = null;
    let hasBegun = false;
    let failure = null;
    let answer = null;
    const onEvent = (name, data) => {
      if (name === "message.started") {
        hasBegun = true;
        if (data.session) this.memory.set({ session: data.session });
        if (data.conversation_id) this.memory.set({ conversation: data.conversation_id });
      } else if (name === "message.delta") {
        if (!bubble) {
          this.thread.drop("typing");
          bubble = this.thread.add({ speaker: "widget", text: "" });
          bubble.item.setAttribute("aria-busy", "true");
        }
        bubble.grow(data.text);
      } else if (name === "message.withdrawn") {
        if (bubble) this.thread.remove(bubble);
        bubble = null;
        this.thread.typing();
      } else if (name === "message.completed") answer = data;
      else if (name === "error") failure = new Refused("fault", data.error);
    };
    const body = { message_text: text, conversation_id: this.conversation, language: this.language, page_url: location.origin + location.pathname };
    try {
      await this.client.stream("POST", "/message/stream", { body, once, onEvent });
    } catch (error) {
      failure = error;
    }
    if (answer) {
      this.finish(answer, bubble);
      return true;
    }
    if (bubble) this.thread.remove(bubble);
    if (!hasBegun || (failure && failure.kind !== "network")) throw failure || new Refused("network");
    this.thread.typing();
    return false;
  }

  finish(answer, bubble) {
    this.thread.drop("typing");
    this.last = Math.max(this.last, answer.message_id || 0);
    this.noteSeen();
    if (answer.answer_source === "agent") {
      if (bubble) this.thread.remove(bubble);
      if (!this.isLive) this.setStatus("waiting", { isQuiet: true });
      this.listen();
      return;
    }
    this.unsent = [];
    const shown = bubble || this.thread.add({ speaker: "widget", text: "" });
    shown.finish({ ...answer, id: answer.message_id, speaker: "widget", text: answer.response, rating: null });
    this.say(`${this.texts.assistant}: ${shown.body.textContent}`);
    if (answer.visitor_notice) this.thread.note(answer.visitor_notice);
    this.thread.suggest(answer.suggestions.slice(0, 4));
    if (answer.answer_source === "default") this.offerPeople();
    this.thread.follow();
    if (!this.isOpen) this.panel.setUnread(this.panel.unread + 1);
    const { response, message_id, conversation_id, answer_source, confidence, confidence_source } = answer;
    this.tell("message", { speaker: "widget", text: response, message_id, conversation_id, answer_source, confidence, confidence_source });
  }

  // What the server has of an answer that was cut off, if it has it. Raises while nothing gets through.
  async recover() {
    for (let tries = 0; ; tries++) {
      try {
        const found = await this.client.call("GET", `/conversations/${this.conversation}?after=${this.last}`);
        const answer = found.messages.filter((each) => each.speaker !== "visitor").pop();
        if (!answer) return false;
        this.thread.drop("typing");
        this.unsent = [];
        found.messages.filter((each) => each.speaker !== "visitor").forEach((each) => this.take(each));
        this.last = Math.max(this.last, ...found.messages.map((each) => each.id));
        this.say(`${this.texts.assistant}: ${answer.text}`);
        return true;
      } catch (error) {
        if (error.kind !== "network" || tries >= 3) throw error;
        await pause(2 ** tries);
      }
    }
  }

  showFault(error, retry) {
    const words = this.wordsFor(error);
    const again = () => {
      this.thread.drop("fault");
      this.panel.input.focus();
      retry();
    };
    const button = make("button", { type: "button", class: "small plain", onclick: again }, this.texts.retry);
    const text = make("p", {}, words);
    this.thread.put("fault", icon("alert"), text, button);
    this.say(words);
    this.tell("error", { kind: error.kind || "fault", code: error.code || null, message: error.message });
    if (error.kind === "limited") this.countDown(text, button, error.waitS);
    else if (!(error instanceof Refused)) console.error(error);
  }

  // Asking again makes sense only when the wait is over; until then the seconds run down.
  countDown(text, button, seconds) {
    button.disabled = true;
    const ends = Date.now() + seconds * 1000;
    const timer = setInterval(() => {
      const left = Math.ceil((ends - Date.now()) / 1000);
      if (left > 0 && button.isConnected) text.textContent = this.wordsForWait(left);
      else {
        clearInterval(timer);
        button.disabled = false;
      }
    }, 1000);
  }

  showBar(text, retry) {
    const again = retry && make("button", { type: "button", onclick: () => (this.hideBar(), retry()) }, this.texts.retry);
    this.panel.bar.replaceChildren(icon("alert"), make("span", {}, text), ...(again ? [again] : []));
    this.panel.bar.hidden = false;
    this.say(text);
  }

  hideBar() {
    this.panel.bar.hidden = true;
  }
}
