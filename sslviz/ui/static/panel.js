/* The side panel: the look as it is dialled, downloads, the share link, the gallery. */
(() => {
  const S = window.sslviz;
  const MARKS = ["fill", "contours", "box", "cross_hair", "color_bar", "badge"];

  const same = (a, b) => Object.keys(a).every((key) => a[key] === b[key]);

  /* Called by every control of the look, in the order of look.LookControls. */
  S.look = (color_map, color_scale, opacity, threshold, half_life_ms, marks) => {
    const stage = S.video;
    const dialled = { color_map, color_scale, opacity, threshold, half_life_ms };
    for (const mark of MARKS) dialled[mark] = marks.includes(mark);
    const apply = document.querySelector("#video-apply");
    if (!stage?.result) return;
    const changed = !same(dialled, stage.result.style);
    apply?.classList.toggle("sv-due", changed);
    if (!changed) return stage.unstyle();
    stage.restyle({ ...stage.result.style, ...dialled });
  };

  S.makers.keep = (host) => {
    const empty = S.el("p", { class: "sv-note" }, S.text.keep_empty);
    host.append(empty);
    S.downloads = (result) => {
      const link = (path, title, kind, extra = {}) => S.el("a", { class: "sv-download", href: S.url(`r/${result.token}/${path}`), download: "", "data-kind": path, ...extra }, S.icon("down"), S.el("b", {}, title), S.el("span", {}, kind));
      const now = (path) => ({
        onclick: (event) => { event.currentTarget.href = S.url(`r/${result.token}/${path}?at=${S.video.player.time.toFixed(3)}`); },
      });
      const side = S.el("button", { type: "button", class: "sv-download", id: "sv-side", onclick: () => S.press("video-side") }, S.icon("down"), S.el("b", {}, S.text.keep_side), S.el("span", {}, "MP4"));
      const copy = S.el("button", { type: "button", class: "sv-quiet sv-copy", id: "sv-share", onclick: () => copyLink() }, S.icon("link"), S.text.copy_link);
      host.replaceChildren(
        S.el("div", { class: "sv-downloads" },
          link("overlay.mp4?download=1", S.text.keep_overlay, "MP4"), side,
          link("poster.png", S.text.keep_poster, "PNG", now("poster.png")),
          link("track.npz?download=1", S.text.keep_track, "NPZ"), link("table.csv", S.text.keep_csv, "CSV"), link("settings.json", S.text.keep_settings, "JSON")),
        copy, S.el("p", { class: "sv-note sv-identity" }, result.identity));
    };
  };

  const copyLink = async () => {
    const place = location.href;
    try {
      await navigator.clipboard.writeText(place);
      S.toast(S.fill(S.text.copied, { time: S.limits.kept }), "note");
    } catch {
      prompt(S.text.copy_link, place);
    }
  };

  S.makers.gallery = (host) => {
    if (!S.examples.length) return;
    host.append(S.el("h2", { class: "sv-head" }, S.text.gallery));
    const shelf = S.el("div", { class: "sv-shelf" });
    for (const example of S.examples) {
      const picture = S.el("img", { src: S.url(`r/${example.token}/poster.jpg`), alt: "", loading: "lazy", width: 240, height: 135 });
      const kind = S.el("em", { class: example.composite ? "sv-composite" : "sv-real" }, example.composite ? S.text.composite : S.text.real);
      shelf.append(S.el("button", { type: "button", class: "sv-card", "data-example": example.token, onclick: () => S.openResult(example.token) },
        S.el("span", { class: "sv-thumb" }, picture, kind), S.el("b", {}, example.title), S.el("span", {}, example.lesson), S.el("small", {}, example.credit)));
    }
    host.append(shelf);
  };

  S.openResult = (token) => {
    S.wanted = token;
    S.press("video-open");
    document.querySelector(".sv-stage")?.scrollIntoView({ behavior: S.reduced() ? "auto" : "smooth", block: "nearest" });
  };

  S.auto = () => document.querySelector("#video-auto input")?.checked ?? true;

  S.share = (token) => {
    const place = new URL(location);
    if (token) place.searchParams.set("result", token);
    else place.searchParams.delete("result");
    history.replaceState(null, "", place);
  };

  S.save = (url) => {
    const link = S.el("a", { href: S.url(url), download: "" });
    document.body.append(link);
    link.click();
    link.remove();
  };

  /* A link with ?result=... opens that result as soon as the page listens. */
  S.arrive = () => {
    const token = new URLSearchParams(location.search).get("result");
    document.body.dataset.ready = "1";
    if (token) S.openResult(token);
  };
})();
