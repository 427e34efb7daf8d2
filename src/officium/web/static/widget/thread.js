// The list of what was said. Nothing here is announced while it grows: `say` tells what is finished.

const DRAW_EVERY_MS = 60;

// One message. `said` is as the server shows it: {id, speaker, text, citations, suggestions, rating, ...}.
class Bubble {
  constructor(chat, said) {
    this.chat = chat;
    this.body = make("div", { class: "bubble", dir: "auto" });
    this.who = make("span", { class: "who" }, chat.nameOf(said.speaker));
    this.item = make("li", { class: `message ${said.speaker}` }, this.who, this.body);
    this.said = said;
    this.timer = null;
    this.draw();
  }

  draw() {
    this.timer = null;
    if (this.said.speaker === "visitor") this.body.textContent = this.said.text;
    else this.body.replaceChildren(renderMarkdown(this.said.text));
  }

  // Some more text has come.
  grow(text) {
    this.said.text += text;
    this.timer ||= setTimeout(() => {
      this.draw();
      this.chat.thread.follow();
    }, DRAW_EVERY_MS);
  }

  // The answer is whole: its text is what counts, whatever came before.
  finish(said) {
    clearTimeout(this.timer);
    this.said = said;
    this.item.removeAttribute("aria-busy");
    this.draw();
    this.addFoot();
  }

  // Below an answer: what it stands on, and what the visitor thinks of it.
  addFoot() {
    const { id, speaker, citations = [] } = this.said;
    const foot = make("div", { class: "foot" });
    if (citations.length) foot.append(...this.makeSources(citations));
    if (id && speaker === "widget") foot.prepend(this.makeThumbs());
    if (foot.hasChildNodes()) this.item.append(foot);
  }

  makeSources(citations) {
    const list = make("ul", { class: "sources", hidden: true });
    for (const { question, source_url } of citations) {
      const address = source_url && safeAddress(source_url);
      list.append(make("li", { dir: "auto" }, address ? link(address, question) : question));
    }
    const show = () => {
      list.hidden = !list.hidden;
      button.setAttribute("aria-expanded", String(!list.hidden));
      this.chat.thread.follow();
    };
    const count = make("span", { class: "count" }, String(citations.length));
    const label = [icon("book"), this.chat.texts.sources, " ", count];
    const button = make("button", { type: "button", class: "cite", "aria-expanded": "false", onclick: show }, ...label);
    return [button, list];
  }

  makeThumbs() {
    const { texts } = this.chat;
    const thumb = (rating, label) =>
      iconButton("up", label, {
        class: `thumb thumb-${rating}`,
        "aria-pressed": String(this.said.rating === rating),
        onclick: () => this.rate(this.said.rating === rating ? null : rating),
      });
    this.thumbs = { up: thumb("up", texts.helpful), down: thumb("down", texts.unhelpful) };
    return make("div", { class: "thumbs" }, this.thumbs.up, this.thumbs.down);
  }

  async rate(rating, text) {
    const before = this.said.rating;
    this.showRating(rating);
    try {
      const body = text ? { rating, text } : { rating };
      await this.chat.client.call("POST", `/messages/${this.said.id}/feedback`, body);
      this.chat.tell("feedback", { message_id: this.said.id, rating });
      if (this.why) this.why.remove();
      this.why = null;
      if (rating === "down" && !text) this.askWhy();
      else if (rating) this.chat.say(this.chat.texts.thanks);
    } catch (error) {
      this.showRating(before);
      this.chat.showBar(this.chat.wordsFor(error), () => this.rate(rating, text));
    }
  }

  showRating(rating) {
    this.said.rating = rating;
    for (const [name, button] of Object.entries(this.thumbs))
      button.setAttribute("aria-pressed", String(name === rating));
  }

  askWhy() {
    const { texts } = this.chat;
    const field = make("input", { maxlength: "1000", "aria-label": texts.why, placeholder: texts.why });
    const send = (event) => {
      event.preventDefault();
      this.thumbs.down.focus();
      this.rate("down", field.value.trim() || " ");
    };
    this.why = make("form", { class: "why", onsubmit: send }, field, make("button", { class: "small" }, texts.submit));
    this.item.append(this.why);
    field.focus();
    this.chat.thread.follow();
  }
}

class Thread {
  constructor(chat) {
    this.chat = chat;
    this.list = make("ol", { class: "messages" });
    this.box = make(
      "div",
      { class: "scroll", tabindex: "0", role: "group", "aria-label": chat.texts.conversation },
      this.list,
    );
    this.bubbles = [];
    this.isAtEnd = true;
    this.box.addEventListener("scroll", () => {
      this.isAtEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 60;
    });
  }

  // Stays at the end while the reader is there.
  follow(isForced) {
    if (isForced || this.isAtEnd) this.box.scrollTop = this.box.scrollHeight;
  }

  clear() {
    this.list.replaceChildren();
    this.bubbles = [];
    this.isAtEnd = true;
  }

  add(said) {
    const bubble = new Bubble(this.chat, said);
    this.bubbles.push(bubble);
    this.list.append(bubble.item);
    this.follow(said.speaker === "visitor");
    return bubble;
  }

  remove(bubble) {
    clearTimeout(bubble.timer);
    this.bubbles = this.bubbles.filter((each) => each !== bubble);
    bubble.item.remove();
  }

  has(id) {
    return this.bubbles.some((bubble) => bubble.said.id === id);
  }

  // Something beside the talk: a notice, a fault, suggestions, a form. One of each name at most.
  put(name, ...content) {
    this.drop(name);
    const item = make("li", { class: `aside ${name}` }, ...content);
    this.list.append(item);
    this.follow(true);
    return item;
  }

  drop(...names) {
    for (const name of names) this.list.querySelector(`:scope > .${name}`)?.remove();
  }

  note(text) {
    this.drop("notice");
    this.put("notice", text);
    this.chat.say(text);
  }

  typing() {
    const dots = make("span", { class: "dots", "aria-hidden": "true" }, make("i"), make("i"), make("i"));
    const words = make("span", { class: "hidden" }, `${this.chat.nameOf("widget")} ${this.chat.texts.typing}`);
    return this.put("typing", dots, words);
  }

  suggest(questions) {
    this.drop("suggestions");
    if (!questions.length) return;
    const choose = (question) => () => {
      this.chat.focusComposer();
      this.chat.send(question);
    };
    this.put(
      "suggestions",
      ...questions.map((text) =>
        make("button", { type: "button", class: "chip", dir: "auto", onclick: choose(text) }, text),
      ),
    );
  }
}
