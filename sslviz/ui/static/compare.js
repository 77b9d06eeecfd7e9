/* Compare: several painted videos of one clip that keep one clock. */
(() => {
  const S = window.sslviz;

  S.makers.compare = (host) => {
    const tab = (S.compare = new Compare(host));
    S.listen("compare", (message) => tab.receive(message));
    return tab;
  };

  class Compare {
    constructor(host) {
      this.clip = null;
      this.players = [];
      this.empty = S.el("div", { class: "sv-compare-drop" });
      this.drop = new S.Drop(this.empty, {
        kind: "video", accept: "", title: S.text.compare_clip, hint: S.text.compare_empty, target: host, art: true,
        onReady: (clip) => this.take(clip), onRefused: (message) => this.clip && S.toast(message),
      });
      this.borrow = S.el("button", { type: "button", class: "sv-quiet", id: "compare-borrow", onclick: () => this.use() }, S.text.use_clip);
      this.drop.actions.append(this.borrow);
      this.poster = S.el("img", { class: "sv-poster", alt: S.text.poster_alt });
      this.picture = S.el("div", { class: "sv-picture", hidden: true }, this.poster);
      this.bar = S.el("div", { class: "sv-progress", hidden: true, role: "progressbar", "aria-label": S.text.progress }, S.el("i"));
      this.line = S.el("p", { class: "sv-line", "aria-live": "polite" });
      this.halt = S.el("button", { type: "button", class: "sv-primary", hidden: true, id: "compare-stop", onclick: () => this.stop() }, S.icon("stop"), S.text.stop);
      const again = S.el("button", { type: "button", class: "sv-quiet", onclick: () => this.drop.input.click() }, S.text.other_clip);
      this.side = S.el("button", { type: "button", class: "sv-quiet", hidden: true, id: "compare-side-button", onclick: () => S.press("compare-side") }, S.icon("down"), S.text.keep_side);
      this.foot = S.el("div", { class: "sv-bar", hidden: true }, this.line, S.el("div", { class: "sv-drop-actions" }, this.halt, this.side, again));
      this.grid = S.el("div", { class: "sv-players", hidden: true });
      this.play = S.button("play", S.text.play, () => this.toggle(), { id: "compare-play" });
      this.clock = S.el("span", { class: "sv-clock" }, "0:00");
      this.controls = S.el("div", { class: "sv-controls", hidden: true }, this.play, this.clock);
      this.after = S.el("div", { class: "sv-after", hidden: true });
      this.table = S.el("table", { class: "sv-pairs", hidden: true });
      this.difference = S.el("img", { class: "sv-poster", alt: "" });
      this.gap = S.el("figure", { class: "sv-gap", hidden: true }, S.el("div", { class: "sv-picture" }, this.difference), S.el("figcaption", { class: "sv-note" }));
      host.append(this.empty, this.foot, this.picture, this.bar, this.grid, this.controls, this.after, this.table, this.gap);
      this.timeline = new S.Timeline(this.after, { onSeek: (time) => this.seek(time) });
      this.mode("empty");
    }

    mode(name) {
      this.name = name;
      document.body.dataset.compareState = name;
      this.empty.hidden = name !== "empty";
      this.foot.hidden = name === "empty";
      this.picture.hidden = !["ready", "running"].includes(name);
      this.bar.hidden = this.halt.hidden = name !== "running";
      for (const part of [this.grid, this.controls, this.after, this.table, this.side]) part.hidden = name !== "done";
      if (name !== "done") this.gap.hidden = true;
    }

    use() {
      const clip = S.video?.clip;
      if (!clip) { S.toast(S.text.no_clip); return; }
      this.take({ ...clip, poster: clip.poster || `r/${clip.token}/poster.jpg`, line: clip.line || S.video.title.textContent });
    }

    take(clip) {
      this.clip = clip;
      this.poster.src = S.url(clip.poster);
      this.line.textContent = clip.line;
      for (const player of this.players) player.pause();
      this.mode("ready");
    }

    request() { return JSON.stringify({ clip: this.clip?.token || "", tokens: this.tokens || [] }); }

    stop() {
      this.halt.disabled = true;
      S.ask(`stop/${this.run}`, { method: "POST", headers: { "X-Sslviz-Name": "stop" } }).catch((error) => S.toast(error.message));
    }

    receive(message) {
      if (message.state === "running") {
        if (this.run !== message.run) { this.run = message.run; this.halt.disabled = false; }
        if (this.name !== "running") this.mode("running");
        if (message.picture) this.poster.src = message.picture;
        this.line.textContent = message.line;
        this.bar.firstChild.style.width = `${100 * (message.part || 0)}%`;
      } else if (message.state === "compared") this.show(message);
      else if (message.state === "error") { S.toast(message.message); this.mode(this.clip ? "ready" : "empty"); }
      else if (message.state === "file") S.save(message.url);
      else if (message.state === "note") S.toast(message.message, "note");
    }

    show(message) {
      this.mode("done");
      this.tokens = message.players.map((player) => player.token);
      this.pairs = message.pairs;
      this.line.textContent = this.clip.line;
      this.players = message.players.map((player, index) => S.el("video", { src: S.url(player.video), playsinline: true, preload: "auto", "aria-label": `${player.name}. ${player.story}`, onclick: () => this.toggle() }));
      this.players.forEach((video, index) => { video.muted = index > 0; });
      const [first] = this.players;
      first.addEventListener("timeupdate", () => this.tick());
      first.addEventListener("seeked", () => { this.tick(); this.subtract(); });
      for (const name of ["play", "pause", "ended"]) first.addEventListener(name, () => this.state());
      this.grid.replaceChildren(...message.players.map((player, index) => {
        const mark = S.el("i");
        mark.style.background = `var(--sv-${player.color})`;
        return S.el("figure", {}, this.players[index], S.el("figcaption", {}, mark, player.name, S.el("span", { class: "sv-note" }, player.unit)));
      }));
      this.timeline.show(message.timeline);
      this.table.replaceChildren(...message.pairs.map((pair) => S.el("tr", {}, S.el("td", {}, `${pair.a} · ${pair.b}`), S.el("td", {}, pair.ranks), S.el("td", {}, pair.note))));
      this.subtract();
    }

    /* The difference picture belongs to the moment on screen. */
    subtract() {
      const pair = this.pairs.find((entry) => entry.equal);
      this.gap.hidden = !pair || this.name !== "done";
      if (!pair) return;
      this.gap.lastChild.textContent = S.fill(S.text.difference, { a: pair.a, b: pair.b });
      this.difference.alt = this.gap.lastChild.textContent;
      this.difference.src = S.url(`d/${pair.tokens[0]}/${pair.tokens[1]}/difference.jpg?at=${this.players[0].currentTime.toFixed(3)}`);
    }

    toggle() {
      const [first] = this.players;
      if (first.paused) for (const player of this.players) { player.currentTime = first.currentTime; player.play().catch(() => {}); }
      else for (const player of this.players) player.pause();
    }

    state() {
      const paused = this.players[0].paused;
      this.play.setIcon(paused ? "play" : "pause", paused ? S.text.play : S.text.pause);
      if (paused) { this.players.slice(1).forEach((player) => player.pause()); this.subtract(); }
    }

    tick() {
      const [first, ...others] = this.players;
      for (const other of others) if (Math.abs(other.currentTime - first.currentTime) > 0.12) other.currentTime = first.currentTime;
      this.clock.textContent = `${S.clock(first.currentTime, 1)} / ${S.clock(first.duration, 1)}`;
      this.timeline.at(first.currentTime);
    }

    seek(time) { for (const player of this.players) player.currentTime = time; }
  }
})();
