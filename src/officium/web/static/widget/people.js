// People instead of the assistant: asking for one, hearing them, leaving details; and the visitor's rights.

const People = {
  async askForPerson() {
    this.thread.drop("suggestions");
    if (this.needsConsent) return;
    if (!this.conversation) {
      this.send(this.texts.wantPerson);
      await this.asked;
      if (!this.conversation) return;
    }
    try {
      const { status } = await this.client.call("POST", `/conversations/${this.conversation}/person`);
      this.setStatus(status);
      this.tell("handover", { status });
    } catch (error) {
      this.showFault(error, () => this.askForPerson());
    }
  },

  // Who answers now: the widget (bot), nobody yet (waiting), a person (human), or nobody more (closed).
  setStatus(status, { isQuiet = false } = {}) {
    const before = this.status;
    this.status = status;
    this.memory.set({ isLive: this.isLive });
    this.panel.showWho();
    if (status === before) return;
    const { texts } = this;
    if (status === "waiting" && this.teamIsThere === false) {
      this.thread.note(texts.away);
      if (!isQuiet) this.showLead();
    } else if (status === "bot") {
      if (!isQuiet) this.thread.note(texts.bot);
    } else this.thread.note(texts[status]);
    this.tell("status", { status });
    if (status === "closed") this.memory.set({ conversation: null });
    if (this.isLive) this.listen();
  },

  // Hears what people say, until the conversation is not theirs any more.
  async listen() {
    if (this.listening || !this.conversation) return;
    const listening = new AbortController();
    this.listening = listening;
    this.isRestored = true;
    const onEvent = (name, data) => {
      this.hideBar();
      if (name === "message") this.take(data);
      if (name === "status") this.setStatus(data.status);
      if (!this.isLive) listening.abort();
    };
    let wait = 1;
    while (this.isLive && !listening.signal.aborted) {
      const started = Date.now();
      const path = `/conversations/${this.conversation}/events?after=${this.last}`;
      try {
        await this.client.stream("GET", path, { signal: listening.signal, onEvent });
      } catch (error) {
        if (listening.signal.aborted) break;
        if (error.status === 404) {
          this.memory.set({ conversation: null });
          this.status = "bot";
          break;
        }
        wait = Math.max(wait, error.waitS || 0);
        if (this.isOpen) this.showBar(this.texts.cut);
      }
      if (Date.now() - started > 10_000) wait = 1;
      await pause(wait, listening.signal);
      wait = Math.min(wait * 2, 30);
    }
    this.hideBar();
    if (this.listening === listening) this.listening = null;
  },

  stopListening() {
    if (this.listening) this.listening.abort();
    this.listening = null;
  },

  // Where nobody has an answer there are still people.
  offerPeople() {
    const offers = [];
    const chip = (name, text, does) =>
      make("button", { type: "button", class: "chip offer", onclick: does }, icon(name), text);
    if (this.look.handover !== false && this.teamIsThere !== false)
      offers.push(chip("person", this.texts.person, () => this.askForPerson()));
    if (this.look.lead_form !== false) offers.push(chip("mail", this.texts.lead, () => this.showLead()));
    const there = this.thread.list.querySelector(".suggestions");
    if (there) there.append(...offers);
    else if (offers.length) this.thread.put("suggestions", ...offers);
  },

  showLead() {
    const card = this.thread.put("lead", leadForm(this));
    card.querySelector("input").focus();
    this.thread.follow(true);
  },

  closeLead() {
    this.thread.drop("lead");
    this.focusComposer();
  },

  async leaveLead(said) {
    await this.client.call("POST", "/lead", { ...said, conversation_id: this.conversation });
    this.thread.drop("lead", "suggestions");
    this.thread.note(this.texts.leadThanks);
    this.focusComposer();
    this.tell("lead");
  },

  askConsent() {
    this.panel.input.disabled = true;
    this.panel.update();
    this.thread.clear();
    this.thread.put("asking", consentCard(this, this.own("consent_text")));
  },

  async agree() {
    this.memory.set({ hasConsented: true });
    this.thread.drop("asking");
    this.panel.input.disabled = false;
    this.greet();
    this.panel.focus();
    this.tell("consent");
    await this.noteConsent();
  },

  // The server must know of it; where it cannot be told now, it is told with the next message.
  async noteConsent() {
    try {
      await this.client.call("POST", "/consent");
      this.memory.set({ isConsentNoted: true });
    } catch {
      this.memory.set({ isConsentNoted: false });
    }
  },

  // A new conversation; the one before stays with the server until it is forgotten.
  restart() {
    this.stopListening();
    this.memory.set({ conversation: null, isLive: false });
    this.forgetTalk();
    this.welcome(true);
    this.panel.focus();
  },

  forgetTalk() {
    this.thread.clear();
    this.hideBar();
    Object.assign(this, { last: 0, status: "bot", unsent: [], isRestored: false });
    this.panel.showWho();
  },

  async forget() {
    await this.client.call("DELETE", "/visitor");
    this.stopListening();
    this.memory.clear();
    this.forgetTalk();
    this.tell("forgotten");
    await this.welcome(true);
    this.thread.note(this.texts.forgotten);
  },

  async download() {
    try {
      const kept = await this.client.call("GET", "/visitor");
      const file = new Blob([JSON.stringify(kept, null, 2)], { type: "application/json" });
      const address = URL.createObjectURL(file);
      make("a", { href: address, download: "my-data.json" }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    } catch (error) {
      this.showBar(this.wordsFor(error), () => this.download());
    }
  },
};

Object.assign(Chat.prototype, People);
