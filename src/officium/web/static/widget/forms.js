// What the visitor fills in or decides: contact details, consent, being forgotten.

function field(name, label, attributes) {
  const id = `field-${name}`;
  const input = make(name === "message" ? "textarea" : "input", { id, name, ...attributes });
  return make("div", { class: "field" }, make("label", { for: id }, label), input);
}

// The form for contact details, as a card in the thread.
function leadForm(chat) {
  const { texts } = chat;
  const fault = make("p", { class: "fault-text", id: "lead-fault", role: "alert" });
  const submit = make("button", { class: "primary" }, icon("send"), texts.submit);
  const form = make(
    "form",
    { class: "card", novalidate: true },
    make("h3", {}, texts.lead),
    make("p", {}, texts.leadIntro),
    field("name", texts.name, { autocomplete: "name", maxlength: "200" }),
    field("email", texts.email, { type: "email", autocomplete: "email", maxlength: "320", dir: "ltr" }),
    field("phone", texts.phone, { type: "tel", autocomplete: "tel", maxlength: "50", dir: "ltr" }),
    field("message", texts.message, { rows: "2", maxlength: "2000" }),
    fault,
    make(
      "div",
      { class: "row" },
      submit,
      make("button", { type: "button", class: "plain", onclick: () => chat.closeLead() }, texts.cancel),
    ),
  );

  const complain = (text, name) => {
    fault.textContent = text;
    for (const input of form.elements) {
      if (!input.name) continue;
      input.toggleAttribute("aria-invalid", false);
      input.removeAttribute("aria-describedby");
    }
    if (!name) return;
    const wrong = form.elements[name];
    wrong.setAttribute("aria-invalid", "true");
    wrong.setAttribute("aria-describedby", fault.id);
    wrong.focus();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = Object.fromEntries([...new FormData(form)].map(([key, value]) => [key, value.trim() || null]));
    if (!said.email && !said.phone) return complain(texts.leadNeeded, "email");
    if (said.email && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(said.email)) return complain(texts.leadEmail, "email");
    complain("");
    submit.disabled = true;
    try {
      await chat.leaveLead(said);
    } catch (error) {
      complain(chat.wordsFor(error), form.elements[error.param] ? error.param : null);
      submit.disabled = false;
    }
  });
  return form;
}

// What has to be agreed to before anything is sent or stored.
function consentCard(chat, text) {
  const { texts } = chat;
  const agree = make("button", { type: "button", class: "primary", onclick: () => chat.agree() }, texts.agree);
  const words = make("div", { class: "words" });
  words.append(renderMarkdown(text));
  return make("div", { class: "card consent" }, make("h3", {}, texts.consent), words, agree);
}

// Asks whether everything is to be deleted, over the panel; nothing else can be reached meanwhile.
function forgetDialog(chat, onClose) {
  const { texts } = chat;
  const fault = make("p", { class: "fault-text", role: "alert" });
  const doIt = make("button", { type: "button", class: "danger" }, icon("bin"), texts.forgetDo);
  const stay = make("button", { type: "button", class: "plain", onclick: onClose }, texts.cancel);
  doIt.addEventListener("click", async () => {
    doIt.disabled = true;
    try {
      await chat.forget();
      onClose();
    } catch (error) {
      fault.textContent = chat.wordsFor(error);
      doIt.disabled = false;
    }
  });
  const sheet = make(
    "div",
    { class: "sheet", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "forget-title", "aria-describedby": "forget-text" },
    make("h2", { id: "forget-title" }, texts.forget),
    make("p", { id: "forget-text" }, texts.forgetAsk),
    fault,
    make("div", { class: "row" }, doIt, stay),
  );
  sheet.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    onClose();
  });
  return make("div", { class: "veil" }, sheet);
}
