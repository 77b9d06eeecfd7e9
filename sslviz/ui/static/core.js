/* Shared ground of the page: small DOM helpers, messages from Python, light and dark, toasts. */
(() => {
  const S = (window.sslviz = window.sslviz || {});
  S.parts = {};
  S.makers = {};
  const listeners = {};

  S.root = () => (window.gradio_config && window.gradio_config.root) || location.origin;
  S.url = (path) => `${S.root()}/sslviz/${path}`;

  S.el = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child != null));
    return node;
  };

  const ICONS = {
    play: "M8 5v14l11-7z", pause: "M7 5h4v14H7zM13 5h4v14h-4z",
    back: "M14 6l-6 6 6 6zM6 6h2v12H6z", forward: "M10 6l6 6-6 6zM16 6h2v12h-2z",
    sound: "M4 9v6h4l5 5V4L8 9zM16 8.5a4 4 0 0 1 0 7zM16 4.2v2.1a6.6 6.6 0 0 1 0 11.4v2.1a8.6 8.6 0 0 0 0-15.6z",
    mute: "M4 9v6h4l5 5V4L8 9zM21 9.4L19.6 8 17.5 10.1 15.4 8 14 9.4l2.1 2.1L14 13.6l1.4 1.4 2.1-2.1 2.1 2.1 1.4-1.4-2.1-2.1z",
    captions: "M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zm2 8v2h6v-2zm8 0v2h4v-2zm-8-4v2h3v-2zm5 0v2h7V9z",
    full: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
    close: "M6 4.6L4.6 6l6 6-6 6L6 19.4l6-6 6 6 1.4-1.4-6-6 6-6L18 4.6l-6 6z",
    camera: "M4 7h3l2-2h6l2 2h3a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zm8 2.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
    microphone: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11h2a4 4 0 0 0 8 0h2a6 6 0 0 1-5 5.9V20h-2v-3.1A6 6 0 0 1 6 11z",
    contrast: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 2v14a7 7 0 0 1 0-14z",
    down: "M11 4h2v8.2l3.3-3.3 1.4 1.4L12 16l-5.7-5.7 1.4-1.4 3.3 3.3zM5 18h14v2H5z",
    link: "M10.6 13.4a4 4 0 0 1 0-5.6l3-3a4 4 0 0 1 5.6 5.6l-1.7 1.7-1.4-1.4 1.7-1.7a2 2 0 1 0-2.8-2.8l-3 3a2 2 0 0 0 0 2.8zm2.8-2.8a4 4 0 0 1 0 5.6l-3 3a4 4 0 0 1-5.6-5.6l1.7-1.7 1.4 1.4-1.7 1.7a2 2 0 1 0 2.8 2.8l3-3a2 2 0 0 0 0-2.8z",
    stop: "M6 6h12v12H6z",
  };
  S.icon = (name) => {
    const span = S.el("span", { class: "sv-icon", "aria-hidden": "true" });
    span.innerHTML = `<svg viewBox="0 0 24 24" width="20" height="20" fill="currentColor"><path d="${ICONS[name]}"/></svg>`;
    return span;
  };
  S.button = (icon, label, action, extra = {}) => {
    const button = S.el("button", { type: "button", class: "sv-tool", "aria-label": label, title: label, onclick: action, ...extra }, S.icon(icon));
    button.setIcon = (name, text) => {
      button.replaceChildren(S.icon(name));
      button.setAttribute("aria-label", text);
      button.title = text;
    };
    return button;
  };

  S.clock = (seconds, digits = 0) => {
    const value = Math.max(0, seconds || 0);
    const minutes = Math.floor(value / 60);
    const rest = (digits ? value % 60 : Math.floor(value % 60)).toFixed(digits);
    return `${minutes}:${rest.padStart(digits ? 3 + digits : 2, "0")}`;
  };
  S.fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  /* Messages from Python arrive as the value of a hidden component. */
  S.listen = (bus, action) => (listeners[bus] = listeners[bus] || []).push(action);
  S.bus = (name, props, watch) =>
    watch("value", () => {
      if (!props.value) return;
      const message = JSON.parse(props.value);
      for (const action of listeners[name] || []) action(message);
    });
  S.mount = (kind, element) => {
    const host = element.querySelector(`[data-part="${kind}"]`);
    if (!host || host.dataset.mounted) return;
    host.dataset.mounted = "1";
    S.parts[kind] = S.makers[kind](host);
  };

  S.toast = (message, kind = "error") => {
    let shelf = document.querySelector(".sv-toasts");
    if (!shelf) document.body.append((shelf = S.el("div", { class: "sv-toasts", role: "alert", "aria-live": "assertive" })));
    const close = S.button("close", S.text.close, () => toast.remove());
    const toast = S.el("div", { class: `sv-toast sv-${kind}` }, S.el("p", {}, message), close);
    shelf.append(toast);
    setTimeout(() => toast.remove(), kind === "error" ? 15000 : 5000);
  };

  S.ask = async (path, options) => {
    const answer = await fetch(S.url(path), options);
    const type = answer.headers.get("content-type") || "";
    if (!answer.ok) {
      const body = type.includes("json") ? await answer.json() : {};
      throw new Error(body.error || S.text.lost);
    }
    return type.includes("json") ? answer.json() : answer.blob();
  };

  /* Press a button that Python listens to. */
  S.press = (id) => document.querySelector(`#${id}`)?.click();

  S.remember = (name, value) => {
    try {
      if (value === undefined) return localStorage.getItem(`sslviz.${name}`);
      localStorage.setItem(`sslviz.${name}`, value);
    } catch { /* private windows may refuse storage: nothing is remembered then */ }
    return value;
  };

  S.color = (name) => getComputedStyle(document.body).getPropertyValue(`--sv-${name}`).trim();
  S.dark = () => document.body.classList.contains("dark");
  S.makers.header = (host) => {
    const wanted = S.remember("theme");
    if (wanted) document.body.classList.toggle("dark", wanted === "dark");
    const toggle = S.button("contrast", S.text.theme, () => {
      const dark = !S.dark();
      document.body.classList.toggle("dark", dark);
      S.remember("theme", dark ? "dark" : "light");
    }, { id: "sv-theme" });
    host.append(toggle);
    new MutationObserver(() => document.dispatchEvent(new Event("sslviz-theme")))
      .observe(document.body, { attributes: true, attributeFilter: ["class"] });
  };
  S.reduced = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
})();
