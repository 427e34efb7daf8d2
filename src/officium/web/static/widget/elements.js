// Making elements. Texts are set as text, never as markup, and nothing is styled by attributes.

function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const ICONS = {
  chat: "M12 3.5c-5 0-9 3.4-9 7.7 0 2.4 1.3 4.6 3.3 6l-.6 3.2c-.1.5.4.9.8.6l3.5-1.9c.6.1 1.3.2 2 .2 5 0 9-3.5 9-7.9s-4-7.9-9-7.9Z",
  down: "m5 9 7 7 7-7",
  close: "m6 6 12 12M18 6 6 18",
  send: "M12 19V5m-6 6 6-6 6 6",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  up: "M7 11v9H4v-9h3Zm0 0 4-8a2 2 0 0 1 2 2v4h5.4a2 2 0 0 1 2 2.4l-1.3 7a2 2 0 0 1-2 1.6H7",
  spark: "M12 3.5c.6 4.6 3.9 7.9 8.5 8.5-4.6.6-7.9 3.9-8.5 8.5-.6-4.6-3.9-7.9-8.5-8.5 4.6-.6 7.9-3.9 8.5-8.5Z",
  alert: "M12 8v5m0 3.5v.01M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 8c.6-3.4 3.4-5 7-5s6.4 1.6 7 5",
  mail: "M4 6h16v12H4zM4 7l8 6 8-6",
  restart: "M4 12a8 8 0 1 0 2.5-5.8L4 8.5M4 4v4.5h4.5",
  download: "M12 4v11m-5-5 5 5 5-5M5 20h14",
  bin: "M5 7h14M10 7V4h4v3m-7 0 1 13h8l1-13",
  book: "M5 5c2.500-1 5-.8 7 1 2-1.800 4.500-2 7-1v13c-2.500-1-5-.8-7 1-2-1.800-4.500-2-7-1Z",
};

function icon(name, kind = "") {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("class", `icon icon-${name} ${kind}`);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

// A button that shows an icon, and says what it does.
function iconButton(name, label, attributes) {
  return make("button", { type: "button", "aria-label": label, title: label, ...attributes }, icon(name));
}

// Colours: [red, green, blue] of 0 to 255.

function readColour(element, property) {
  const found = getComputedStyle(element)[property].match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)/);
  return found ? found.slice(1, 4).map(Number) : null;
}

function luminance(colour) {
  const [red, green, blue] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

// `colour`, moved towards `goal` until it can be read on `ground`.
function readable(colour, goal, ground) {
  for (let step = 0; step <= 10; step++) {
    const mixed = colour.map((value, index) => Math.round(value + ((goal[index] - value) * step) / 10));
    if (contrast(mixed, ground) >= 4.6) return mixed;
  }
  return goal;
}
