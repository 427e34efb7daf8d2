// The advisors' page: sends questions, draws answers as they come, and goes on where a connection broke.
(() => {
  const page = document.querySelector("[data-advisors]");
  if (!page) return;
  const said = page.dataset;
  const csrf = document.querySelector("meta[name=csrf]").content;
  const thread = page.querySelector("[data-thread]");
  const scroller = page.querySelector("[data-scroll]");
  const composer = page.querySelector("[data-composer]");
  const question = composer.querySelector("textarea");
  const sendButton = composer.querySelector("[data-send]");
  const stopButton = composer.querySelector("[data-stop]");
  const hint = composer.querySelector("[data-hint]");
  const usualHint = hint.textContent;
  const live = page.querySelector("[data-say]");
  const SILENCE_MS = 60000;
  const LONGEST_WAIT_MS = 15000;

  class Fault extends Error {
    constructor(html, message) {
      super(message || "");
      this.html = html;
    }
  }

  // Asking the server

  async function ask(path, fields) {
    const headers = { "hx-request": "true", "x-csrf-token": csrf };
    const how = fields ? { method: "POST", headers, body: new URLSearchParams(fields) } : { headers };
    let response;
    try {
      response = await fetch(path, how);
    } catch {
      throw new Fault(null, said.offline);
    }
    await refuseFault(response);
    return response;
  }

  async function refuseFault(response) {
    const elsewhere = response.headers.get("hx-redirect");
    if (elsewhere) {
      location.assign(`${elsewhere}?next=${encodeURIComponent(location.pathname)}`);
      throw new Fault(null, "");
    }
    if (response.headers.has("officium-error") || !response.ok) {
      const isPiece = (response.headers.get("content-type") || "").startsWith("text/html") && response.ok;
      throw new Fault(isPiece ? await response.text() : null, isPiece ? "" : said.offline);
    }
  }

  function showFault(place, fault) {
    if (!(fault instanceof Fault)) throw fault;
    if (fault.html) place.innerHTML = fault.html;
    else if (fault.message) {
      const notice = document.createElement("div");
      notice.className = "notice notice-bad";
      notice.setAttribute("role", "alert");
      notice.append(fault.message);
      place.replaceChildren(notice);
    }
  }

  const faultPlace = page.querySelector("[data-fault]");

  // Reading an answer

  const following = new Map();

  function followAll() {
    for (const turn of page.querySelectorAll("[data-events]")) {
      if (!following.has(turn.dataset.turn)) follow(turn);
    }
    showBusy();
  }

  async function follow(turn) {
    const id = turn.dataset.turn;
    const stopReading = new AbortController();
    following.set(id, stopReading);
    const progress = { last: 0, tries: 0 };
    const notice = turn.querySelector("[data-lost-notice]");
    while (following.get(id) === stopReading) {
      try {
        if (await readOnce(turn, progress, notice, stopReading.signal)) break;
      } catch (fault) {
        if (fault instanceof Fault && fault.html) {
          turn.querySelector("[data-working]")?.remove();
          turn.removeAttribute("aria-busy");
          delete turn.dataset.events;
          showFault(notice, fault);
          notice.hidden = false;
          notice.className = "";
          break;
        }
        if (stopReading.signal.aborted) break;
      }
      notice.querySelector("span").textContent = said.lost;
      notice.hidden = false;
      await pause(Math.min(LONGEST_WAIT_MS, 500 * 2 ** progress.tries++));
    }
    if (following.get(id) === stopReading) following.delete(id);
    showBusy();
  }

  // Reads until the connection ends; whether the answer has ended, too.
  async function readOnce(turn, progress, notice, signal) {
    const silence = new AbortController();
    const both = AbortSignal.any([signal, silence.signal]);
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const headers = { accept: "text/event-stream", "hx-request": "true" };
      if (progress.last) headers["last-event-id"] = String(progress.last);
      const response = await fetch(turn.dataset.events, { headers, signal: both });
      if (response.status >= 500) return false;
      await refuseFault(response);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return false;
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        notice.hidden = true;
        progress.tries = 0;
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) if (take(turn, event, progress)) return true;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  function take(turn, text, progress) {
    const fields = {};
    for (const line of text.split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
    }
    if (!fields.data) return false;
    const data = JSON.parse(fields.data);
    if (fields.event === "draw") draw(turn, data);
    progress.last = Number(fields.id);
    if (fields.event !== "end") return false;
    finish(turn, data);
    return true;
  }

  function draw(turn, { keep, blocks }) {
    stickToEnd(() => {
      const answer = turn.querySelector("[data-answer]");
      while (answer.children.length > keep) answer.lastElementChild.remove();
      for (const html of blocks) {
        const block = document.createElement("div");
        block.className = "block";
        block.innerHTML = html;
        answer.append(block);
      }
    });
  }

  function finish(turn, { html, say }) {
    stickToEnd(() => {
      const hadFocus = turn.contains(document.activeElement) || document.activeElement === stopButton;
      following.delete(turn.dataset.turn);
      turn.outerHTML = html;
      showBusy();
      if (hadFocus) question.focus();
    });
    live.textContent = "";
    setTimeout(() => (live.textContent = say), 100);
    refreshList();
  }

  function pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(wake, milliseconds);
      function wake() {
        clearTimeout(timer);
        removeEventListener("online", wake);
        resolve();
      }
      addEventListener("online", wake);
    });
  }

  // Whoever reads further up is not torn away.
  function stickToEnd(change) {
    const isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
    change();
    if (isAtEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  function showBusy() {
    const isBusy = following.size > 0;
    sendButton.hidden = isBusy;
    stopButton.hidden = !isBusy;
  }

  // Putting a question

  const encoder = new TextEncoder();

  function grow() {
    question.rows = Math.min(8, Math.max(1, question.value.split("\n").length));
    while (question.rows < 8 && question.scrollHeight > question.clientHeight + 4) question.rows += 1;
    const most = Number(question.dataset.mostBytes);
    const used = encoder.encode(question.value).length;
    const isTooLong = used > most;
    hint.classList.toggle("bad", isTooLong);
    hint.textContent =
      used < most * 0.75
        ? usualHint
        : (isTooLong ? hint.dataset.tooLong : hint.dataset.used)
            .replace("{used}", used.toLocaleString())
            .replace("{most}", most.toLocaleString());
    sendButton.disabled = isTooLong || !question.value.trim();
  }

  async function send(event) {
    event?.preventDefault();
    const fields = new FormData(composer);
    if (sendButton.disabled || following.size || !question.value.trim()) return;
    sendButton.disabled = true;
    faultPlace.replaceChildren();
    const kept = question.value;
    question.value = "";
    try {
      const response = await ask(composer.getAttribute("action"), fields);
      const isNew = !composer.elements.conversation.value;
      const id = response.headers.get("officium-conversation-id");
      thread.insertAdjacentHTML("beforeend", await response.text());
      page.querySelector("[data-begin]")?.remove();
      scroller.scrollTop = scroller.scrollHeight;
      followAll();
      if (isNew) await become(id, fields.get("persona"));
      // An answer may be there at once; then nobody follows it to announce its end.
      if (!following.size) live.textContent = thread.lastElementChild.querySelector("[data-answer]")?.textContent ?? "";
    } catch (fault) {
      question.value = kept + question.value;
      showFault(faultPlace, fault);
    }
    grow();
    question.focus();
  }

  // A conversation has begun: the page is now its page, and a reload finds it.
  async function become(id, persona) {
    history.replaceState(null, "", `/console/advisors/conversations/${id}`);
    composer.elements.conversation.value = id;
    if (!composer.querySelector("input[name=persona]")) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "persona", value: persona });
      composer.append(field);
    }
    said.current = id;
    try {
      const whole = new DOMParser().parseFromString(await (await ask(location.pathname)).text(), "text/html");
      page.querySelector("[data-title]").textContent = whole.querySelector("[data-title]").textContent;
      page.querySelector("[data-menu-place]").replaceChildren(...whole.querySelector("[data-menu-place]").children);
      document.title = whole.title;
    } catch {
      // The frame of the page is of yesterday then; the conversation itself goes on.
    }
    // By the words that stand in the search now, not by those the page was loaded with.
    refreshList();
  }

  question.addEventListener("input", grow);
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  });
  composer.addEventListener("submit", send);
  stopButton.addEventListener("click", async () => {
    for (const turn of page.querySelectorAll("[data-stop-at]")) {
      try {
        await ask(turn.dataset.stopAt, {});
      } catch (fault) {
        showFault(faultPlace, fault);
      }
    }
  });

  // What can be done with a turn

  async function replaceThread(path, fields) {
    faultPlace.replaceChildren();
    try {
      const html = await (await ask(path, fields)).text();
      for (const reading of following.values()) reading.abort();
      following.clear();
      thread.innerHTML = html;
      scroller.scrollTop = scroller.scrollHeight;
      followAll();
      question.focus();
    } catch (fault) {
      showFault(faultPlace, fault);
    }
  }

  function noteAt(turn, text) {
    const place = turn.querySelector("[data-note-place]");
    if (place) place.textContent = text;
    else live.textContent = text;
  }

  async function copy(turn) {
    const text = turn.querySelector("[data-source]").content.textContent;
    try {
      await navigator.clipboard.writeText(text);
      noteAt(turn, said.copied);
    } catch {
      noteAt(turn, copyByHand(text) ? said.copied : said.notCopied);
    }
  }

  // Browsers keep the clipboard from pages that came over plain HTTP, but not this way.
  function copyByHand(text) {
    const before = document.activeElement;
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    before?.focus();
    return isDone;
  }

  function reword(turn, isOpen) {
    turn.querySelector("[data-shown]").hidden = isOpen;
    turn.querySelector("[data-foot]").hidden = isOpen;
    const form = turn.querySelector("[data-rewording]");
    form.hidden = !isOpen;
    (isOpen ? form.querySelector("textarea") : turn.querySelector("[data-edit]")).focus();
  }

  async function rate(turn, rating) {
    const form = turn.querySelector("[data-opinion]");
    form.elements.rating.value = rating;
    try {
      await ask(form.getAttribute("action"), new FormData(form));
    } catch (fault) {
      showFault(faultPlace, fault);
      return;
    }
    for (const button of turn.querySelectorAll("[data-rate]")) {
      button.setAttribute("aria-pressed", String(button.dataset.rate === rating));
    }
    noteAt(turn, rating ? said.opinionSaved : said.opinionBack);
  }

  page.addEventListener("click", async (event) => {
    const button = event.target.closest("button, [data-list]");
    if (!button) return;
    const turn = button.closest("[data-turn]");
    const action = button.dataset;
    if ("copy" in action) copy(turn);
    else if ("edit" in action) reword(turn, true);
    else if ("again" in action) replaceThread(action.again, {});
    else if (action.select) replaceThread(action.select, {});
    else if (action.rate) {
      const rating = button.getAttribute("aria-pressed") === "true" ? "" : action.rate;
      const form = turn.querySelector("[data-opinion]");
      await rate(turn, rating);
      form.hidden = !rating;
      if (rating) form.querySelector("textarea").focus();
    } else if ("cancel" in action) {
      const form = button.closest("form");
      if ("rewording" in form.dataset) reword(turn, false);
      else form.hidden = true;
    } else if ("example" in action) {
      question.value = button.textContent;
      grow();
      question.focus();
    } else if (action.earlier) showEarlier(button);
    else if (action.more) showMore(button);
    else if (action.list) openList(action.list === "open");
    else if (action.dialog) {
      button.closest("details").open = false;
      document.getElementById(action.dialog).showModal();
    } else if ("close" in action) button.closest("dialog").close();
  });

  page.addEventListener("submit", async (event) => {
    const form = event.target;
    if ("rewording" in form.dataset) {
      event.preventDefault();
      replaceThread(form.getAttribute("action"), new FormData(form));
    } else if ("opinion" in form.dataset) {
      event.preventDefault();
      const turn = form.closest("[data-turn]");
      await rate(turn, form.elements.rating.value);
      form.hidden = true;
      turn.querySelector("[data-rate][aria-pressed=true]")?.focus();
    } else if ("search" in form.dataset) {
      event.preventDefault();
      refreshList();
    }
  });

  async function showEarlier(button) {
    try {
      const html = await (await ask(button.dataset.earlier)).text();
      const before = scroller.scrollHeight;
      button.closest(".earlier").remove();
      thread.insertAdjacentHTML("afterbegin", html);
      scroller.scrollTop += scroller.scrollHeight - before;
    } catch (fault) {
      showFault(faultPlace, fault);
    }
  }

  // The list of conversations

  const found = page.querySelector("[data-found]");
  const search = page.querySelector("[data-search] input");
  let searching = 0;

  async function refreshList() {
    const number = ++searching;
    const asked = new URLSearchParams({ q: search.value, current: said.current });
    try {
      const html = await (await ask(`/console/advisors/list?${asked}`)).text();
      if (number === searching) found.innerHTML = html;
    } catch (fault) {
      if (number === searching && document.activeElement === search) showFault(found, fault);
    }
  }

  async function showMore(button) {
    try {
      const html = await (await ask(button.dataset.more)).text();
      button.closest(".earlier").outerHTML = html;
    } catch (fault) {
      showFault(faultPlace, fault);
    }
  }

  let typing;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(refreshList, 250);
  });

  const opener = page.querySelector("[data-list=open]");
  const list = page.querySelector(".talk-list");
  const narrow = matchMedia("(max-width: 61.99rem)");

  function openList(isOpen) {
    page.classList.toggle("list-is-open", isOpen);
    opener.setAttribute("aria-expanded", String(isOpen));
    list.inert = narrow.matches && !isOpen;
    page.querySelector(".talk-main").inert = narrow.matches && isOpen;
    if (narrow.matches) (isOpen ? list.querySelector("[data-list=close]") : opener).focus();
  }

  list.inert = narrow.matches;
  narrow.addEventListener("change", () => {
    page.classList.remove("list-is-open");
    list.inert = narrow.matches;
    page.querySelector(".talk-main").inert = false;
  });

  // Notes at figures

  const note = page.querySelector("#figure-note");
  let noted = null;

  function showNote(figure) {
    if (noted === figure || !figure.dataset.note) return;
    hideNote();
    noted = figure;
    note.textContent = figure.dataset.note;
    note.hidden = false;
    figure.setAttribute("aria-describedby", note.id);
    const place = figure.getBoundingClientRect();
    const size = note.getBoundingClientRect();
    const top = place.top - size.height - 8;
    note.style.top = `${top > 8 ? top : place.bottom + 8}px`;
    const middle = place.left + place.width / 2 - size.width / 2;
    note.style.left = `${Math.max(8, Math.min(innerWidth - size.width - 8, middle))}px`;
  }

  function hideNote() {
    noted?.removeAttribute("aria-describedby");
    noted = null;
    note.hidden = true;
  }

  for (const [name, shows] of [["mouseover", true], ["focusin", true], ["click", true], ["mouseout", false], ["focusout", false]]) {
    page.addEventListener(name, (event) => {
      const figure = event.target.closest?.(".figure");
      if (figure && shows) showNote(figure);
      else if (figure ? document.activeElement !== figure : name === "click") hideNote();
    });
  }
  scroller.addEventListener("scroll", hideNote, { passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (noted) hideNote();
    else if (page.classList.contains("list-is-open")) openList(false);
    else {
      const form = document.activeElement?.closest?.("[data-rewording], [data-opinion]");
      form?.querySelector("[data-cancel]").click();
    }
  });

  // Whom to ask

  page.addEventListener("change", (event) => {
    if (event.target.name !== "persona") return;
    question.placeholder = event.target.dataset.name;
    for (const examples of page.querySelectorAll("[data-examples]")) {
      examples.hidden = examples.dataset.examples !== event.target.value;
    }
  });

  scroller.scrollTop = page.querySelector("[data-turn]") ? scroller.scrollHeight : 0;
  grow();
  followAll();
})();
