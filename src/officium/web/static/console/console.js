// What every page does: the menu on phones, the small menus, the appearance, and htmx's proof of origin.
(() => {
  const frame = document.querySelector(".frame");
  const side = document.querySelector(".side");
  const opener = document.querySelector("[data-menu=open]");
  const narrow = matchMedia("(max-width: 61.99rem)");

  function setMenu(isOpen) {
    frame.classList.toggle("menu-is-open", isOpen);
    opener.setAttribute("aria-expanded", String(isOpen));
    side.inert = narrow.matches && !isOpen;
    document.querySelector(".main").inert = narrow.matches && isOpen;
    if (!narrow.matches) return;
    if (isOpen) side.querySelector("[data-menu=close]").focus();
    else if (document.activeElement === document.body || side.contains(document.activeElement)) opener.focus();
  }

  if (frame) {
    side.inert = narrow.matches;
    narrow.addEventListener("change", () => setMenu(false));
    document.addEventListener("click", (event) => {
      const action = event.target.closest("[data-menu]")?.dataset.menu;
      if (action) setMenu(action === "open");
    });
  }

  function showTheme() {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      if (button === document.documentElement) continue;
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === window.officiumTheme.kept()));
    }
  }

  document.addEventListener("click", (event) => {
    const choice = event.target.closest("button[data-theme-choice]");
    if (choice) {
      window.officiumTheme.choose(choice.dataset.themeChoice);
      showTheme();
      const menu = choice.closest("details");
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (frame?.classList.contains("menu-is-open")) {
      setMenu(false);
      opener.focus();
    }
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.querySelector("span").textContent = button.dataset.copied;
    } catch {
      // Over plain HTTP browsers do not let pages copy: it is selected instead, for the keyboard.
      getSelection().selectAllChildren(source);
    }
  });

  document.addEventListener("htmx:config:request", (event) => {
    const proof = document.querySelector("meta[name=csrf]")?.content;
    if (proof) event.detail.ctx.request.headers["x-csrf-token"] = proof;
  });

  showTheme();
})();
