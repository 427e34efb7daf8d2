// Markdown of a model, of the knowledge base or of a person, made of DOM nodes. Text never becomes markup:
// there is no innerHTML here, so whatever stands in an answer is shown, and nothing of it runs.

const BLOCK = /^(?: {0,3}(#{1,6}) +(.*)|\s*([-*+•])\s+(.*)|\s*(\d{1,9})[.)]\s+(.*)|\s*>\s?(.*))$/;
// The lengths are bounded, so that no text takes long to read.
const INLINE = new RegExp(
  [
    "\\\\([\\\\`*_\\[\\]()#>~+.!|-])",
    "`([^`\\n]{1,1000})`",
    "\\*\\*(?=\\S)([^\\n]{0,500}?\\S)\\*\\*",
    "\\*(?=[^\\s*])([^*\\n]{1,500})\\*",
    "\\[([^\\[\\]\\n]{1,300})\\]\\(([^()\\s<>]{1,1000})\\)",
    "(https?://[^\\s<>\"'`*]{1,1000})",
    "([\\w.+-]{1,64}@[\\w-]{1,63}(?:\\.[\\w-]{2,63}){1,4})",
  ].join("|"),
  "g",
);
const SAFE = ["http:", "https:", "mailto:"];

// A web or mail address as it may be linked, or null.
function safeAddress(text) {
  try {
    const url = new URL(text);
    if (!SAFE.includes(url.protocol) || url.username || url.password) return null;
    return url.protocol === "mailto:" || url.hostname ? url.href : null;
  } catch {
    return null;
  }
}

function link(address, label) {
  const made = make("a", { href: address }, label);
  if (!address.startsWith("mailto:")) {
    made.target = "_blank";
    made.rel = "noopener";
  }
  return made;
}

function writeInline(parent, text, depth = 0) {
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, escaped, code, bold, italic, label, target, bare, mail] = found;
    let node = null;
    let length = whole.length;
    if (escaped) node = document.createTextNode(escaped);
    else if (code) node = make("code", {}, code);
    else if (bold || italic) {
      node = make(bold ? "strong" : "em");
      if (depth < 3) writeInline(node, bold || italic, depth + 1);
      else node.textContent = bold || italic;
    } else if (label) {
      const address = safeAddress(target);
      node = address ? link(address, label) : document.createTextNode(label);
    } else {
      const said = bare ? bare.replace(/[.,;:!?)\]}»”’]+$/, "") : mail;
      const address = safeAddress(bare ? said : "mailto:" + said);
      node = address ? link(address, said) : document.createTextNode(said);
      length = said.length;
    }
    parent.append(text.slice(end, found.index), node);
    end = found.index + length;
    if (length < whole.length) parent.append(whole.slice(length));
    end = found.index + whole.length;
  }
  parent.append(text.slice(end));
}

// A fragment that shows the text.
function renderMarkdown(text) {
  const out = document.createDocumentFragment();
  let paragraph = null;
  let list = null;
  let code = null;

  const close = () => {
    paragraph = null;
    list = null;
  };
  const write = (target, line) => {
    if (target.hasChildNodes()) target.append(make("br"));
    writeInline(target, line);
  };

  for (const line of String(text).replace(/\r\n?/g, "\n").split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) {
      close();
      if (code) code = null;
      else {
        code = make("code");
        out.append(make("pre", { tabindex: "0" }, code));
      }
      continue;
    }
    if (code) {
      code.append((code.hasChildNodes() ? "\n" : "") + line);
      continue;
    }
    if (!line.trim()) {
      paragraph = null;
      continue;
    }
    const [, marks, heading, bullet, item, number, step, quote] = BLOCK.exec(line) || [];
    if (marks) {
      close();
      const title = make("strong");
      writeInline(title, heading);
      out.append(make("p", {}, title));
    } else if (bullet || number) {
      const kind = bullet ? "ul" : "ol";
      if (!list || list.localName !== kind) {
        list = make(kind, number && number !== "1" ? { start: number } : {});
        out.append(list);
      }
      paragraph = make("li");
      list.append(paragraph);
      write(paragraph, bullet ? item : step);
    } else {
      if (!paragraph) {
        close();
        paragraph = make("p");
        out.append(paragraph);
      }
      write(paragraph, quote === undefined ? line.trim() : quote);
    }
  }
  return out;
}
