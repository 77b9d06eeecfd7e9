/* The Video tab's stage: empty, ready, running, done; one clip at a time. */
(() => {
  const S = window.sslviz;

  S.makers.video = (host) => {
    const stage = (S.video = new Stage(host));
    S.listen("video", (message) => stage.receive(message));
    return stage;
  };

  class Stage {
    constructor(host) {
      this.host = host;
      this.clip = null;
      this.result = null;
      this.pane = {};
      for (const name of ["empty", "ready", "running", "done"]) host.append((this.pane[name] = S.el("section", { class: `sv-pane sv-pane-${name}`, hidden: true })));
      this.after = S.el("div", { class: "sv-after" });
      host.append(this.after);
      this.empty();
      this.ready();
      this.running();
      this.done();
      this.timeline = new S.Timeline(this.after, { onSeek: (time) => this.seek(time), onTrim: (trim) => this.trimmed(trim) });
      this.reading = S.el("p", { class: "sv-reading", "aria-live": "polite" });
      this.after.append(this.reading);
      this.go("empty");
    }

    go(name) {
      this.name = name;
      this.host.dataset.state = name;
      document.body.dataset.videoState = name;
      for (const [key, pane] of Object.entries(this.pane)) pane.hidden = key !== name;
      this.after.hidden = name === "empty" || !this.timeline?.data;
      if (name !== "done") this.player?.video.pause();
    }

    empty() {
      this.drop = new S.Drop(this.pane.empty, {
        kind: "video", accept: "", title: S.text.drop_video, hint: S.fill(S.text.drop_video_hint, S.limits), record: "video", art: true, target: this.host,
        onReady: (clip) => this.take(clip), onRefused: (message) => this.name !== "empty" && S.toast(message),
        onFile: (file) => { this.local = URL.createObjectURL(file); },
      });
    }

    ready() {
      this.poster = S.el("img", { class: "sv-poster", alt: S.text.poster_alt });
      this.source = S.el("video", { class: "sv-video", controls: true, playsinline: true, hidden: true });
      this.line = S.el("p", { class: "sv-line" });
      this.cut = S.el("p", { class: "sv-cut", "aria-live": "polite" });
      const again = S.el("button", { type: "button", class: "sv-quiet", onclick: () => this.drop.input.click() }, S.text.other_clip);
      this.pane.ready.append(S.el("div", { class: "sv-picture" }, this.poster, this.source), S.el("div", { class: "sv-bar" }, S.el("div", {}, this.line, this.cut), again));
      this.source.addEventListener("loadeddata", () => (this.source.videoWidth ? this.still() : this.decode()));
      this.source.addEventListener("error", () => this.source.getAttribute("src") && this.decode());
      this.source.addEventListener("timeupdate", () => this.name === "ready" && this.timeline.at(this.source.currentTime));
    }

    /* The browser can show the clip itself: its first picture is there before any server is asked. */
    still() {
      this.source.hidden = false;
      this.poster.hidden = true;
      if (this.live.dataset.painted || !this.clip) return;
      const canvas = S.el("canvas", { width: this.source.videoWidth, height: this.source.videoHeight });
      canvas.getContext("2d").drawImage(this.source, 0, 0);
      this.live.src = canvas.toDataURL("image/jpeg", 0.8);
    }

    /* It cannot (HEVC, AVI and many more): the server decodes the first picture. */
    decode() {
      if (!this.clip?.poster || this.live.dataset.painted) return;
      this.source.hidden = true;
      this.poster.hidden = false;
      this.poster.src = this.live.src = S.url(this.clip.poster);
    }

    /* Waveform and spectrogram; asked for after the first painted frame, so as not to slow that. */
    hear() {
      const clip = this.clip;
      if (!clip?.sound || this.heard === clip) return;
      this.heard = clip;
      S.ask(clip.sound).then((data) => {
        if (this.clip !== clip || this.name === "done") return;
        this.timeline.show(data, { trim: this.name === "ready" });
        this.after.hidden = false;
      }).catch((error) => S.toast(error.message));
    }

    running() {
      this.live = S.el("img", { class: "sv-poster", alt: S.text.live_alt });
      this.fraction = S.el("div", { class: "sv-progress", role: "progressbar", "aria-label": S.text.progress, "aria-valuemin": "0", "aria-valuemax": "100" }, S.el("i"));
      this.say = S.el("p", { class: "sv-line", "aria-live": "polite" });
      this.stop = S.el("button", { type: "button", class: "sv-primary", id: "sv-stop", onclick: () => this.halt() }, S.icon("stop"), S.text.stop);
      this.pane.running.append(S.el("div", { class: "sv-picture" }, this.live, S.el("div", { class: "sv-sweep" })), this.fraction, S.el("div", { class: "sv-bar" }, this.say, this.stop));
    }

    done() {
      this.player = new S.Player(this.pane.done, {
        id: "sv-result", onTime: (time) => this.name === "done" && this.timeline.at(time),
        onProbe: (x, y, time) => this.probe(x, y, time), onDirty: () => this.settled(),
      });
      this.title = S.el("p", { class: "sv-line" });
      const again = S.el("button", { type: "button", class: "sv-quiet", id: "sv-again", onclick: () => this.drop.input.click() }, S.text.other_clip);
      this.notes = S.el("ul", { class: "sv-notes" });
      this.pane.done.append(S.el("div", { class: "sv-bar" }, this.title, again), this.notes);
    }

    /* A clip is here: show it, estimate, and start at once if the visitor likes that. */
    take(clip) {
      this.clip = clip;
      this.result = null;
      this.trim = null;
      S.share(null);
      this.poster.hidden = false;
      this.source.hidden = true;
      this.live.removeAttribute("src");
      this.poster.removeAttribute("src");
      delete this.live.dataset.painted;
      this.source.src = this.local || S.url(clip.source);
      this.local = null;
      this.line.textContent = clip.line;
      this.cut.textContent = "";
      this.reading.textContent = "";
      this.timeline.data = null;
      this.player.unload();
      this.go("ready");
      S.press("video-estimate");
      const wait = clip.duration == null || clip.duration > S.limits.auto_seconds;
      if (S.auto() && !wait) S.press("video-run");
      else this.hear();
    }

    trimmed(trim) {
      this.trim = trim;
      const whole = trim[0] < 0.05 && trim[1] > this.timeline.data.duration - 0.05;
      if (whole) this.trim = null;
      this.cut.textContent = whole ? "" : S.fill(S.text.cut, { start: S.clock(trim[0], 1), end: S.clock(trim[1], 1) });
      clearTimeout(this.soon);
      this.soon = setTimeout(() => S.press("video-estimate"), 400);
    }

    request() {
      return JSON.stringify({ clip: this.clip?.token || "", result: this.result?.token || "", start: this.trim?.[0] || 0, end: this.trim?.[1] ?? null });
    }

    halt() {
      if (!this.run) return;
      this.stop.disabled = true;
      this.say.textContent = S.text.stopping;
      S.ask(`stop/${this.run}`, { method: "POST", headers: { "X-Sslviz-Name": "stop" } }).catch((error) => S.toast(error.message));
    }

    receive(message) {
      if (message.state === "running") return this.progress(message);
      if (message.state === "done") return this.show(message);
      if (message.state === "error") {
        S.toast(message.message);
        this.go(this.result ? "done" : this.clip ? "ready" : "empty");
      } else if (message.state === "failed") S.toast(message.message);
      else if (message.state === "file") S.save(message.url);
      else if (message.state === "note") S.toast(message.message, "note");
    }

    progress(message) {
      if (this.run !== message.run) { this.run = message.run; this.stop.disabled = false; }
      if (this.name !== "running") this.go("running");
      if (message.picture) { this.live.src = message.picture; this.live.dataset.painted = message.at ?? "1"; this.hear(); }
      this.fraction.classList.toggle("sv-unknown", message.part == null);
      this.fraction.firstChild.style.width = `${100 * (message.part ?? 0.3)}%`;
      this.fraction.setAttribute("aria-valuenow", Math.round(100 * (message.part ?? 0)));
      if (!this.stop.disabled) this.say.textContent = message.line;
      if (message.at != null && this.timeline.data) { this.timeline.trim = null; this.timeline.at(message.at); }
    }

    show(message) {
      const keep = Boolean(this.result && message.instead_of === this.result.token);
      this.run = null;
      this.result = message;
      this.style = null;
      if (!this.clip || message.example || message.shared) this.clip = { token: message.token, duration: message.duration };
      S.share(message.token);
      this.title.textContent = message.line;
      this.notes.replaceChildren(...message.notes.map((note) => S.el("li", {}, note)));
      this.reading.textContent = message.story;
      this.player.fps = message.fps;
      this.player.offset = message.offset;
      this.player.picture?.style.setProperty("aspect-ratio", `${message.width} / ${message.height}`);
      this.go("done");
      this.timeline.show(message.timeline);
      this.timeline.at(message.offset);
      this.after.hidden = false;
      this.player.load(message.video, { captions: message.captions, keep, poster: keep ? "" : S.url(message.poster) });
      this.player.video.setAttribute("aria-label", message.alt);
      S.downloads?.(message);
      this.warmed = null;
      this.settled();
      document.querySelector("#video-apply")?.classList.remove("sv-due");
    }

    seek(time) {
      if (this.name === "done") this.player.seek(time);
      else if (this.source.duration) this.source.currentTime = time;
    }

    /* Style controls moved: ask for the painted frame; only the newest request counts. */
    restyle(style) {
      this.style = style;
      if (this.name !== "done") return;
      this.player.chip.hidden = false;
      this.player.chip.textContent = S.text.preview_chip;
      this.player.video.pause();
      this.preview();
    }

    /* The picture stands still: have it decoded before a slider asks for it. */
    settled() {
      if (this.style) return this.preview();
      const at = this.player.time.toFixed(3);
      if (this.result && this.player.video.paused && this.warmed !== at) {
        this.warmed = at;
        S.ask(`r/${this.result.token}/warm.json?at=${at}`).catch(() => {});
      }
    }

    unstyle() {
      this.style = null;
      this.player.preview.hidden = true;
      this.player.chip.hidden = true;
    }

    async preview() {
      if (this.fetching) { this.again = true; return; }
      this.fetching = true;
      const started = performance.now();
      do {
        this.again = false;
        const query = new URLSearchParams({ at: this.player.time.toFixed(3), style: JSON.stringify(this.style) });
        try {
          const blob = await S.ask(`r/${this.result.token}/preview.jpg?${query}`);
          if (!this.style) break;
          const old = this.player.preview.src;
          this.player.preview.src = URL.createObjectURL(blob);
          await this.player.preview.decode();
          URL.revokeObjectURL(old);
          if (this.player.video.paused) this.player.preview.hidden = false;
          this.player.preview.dataset.milliseconds = Math.round(performance.now() - started);
          this.player.preview.dataset.count = Number(this.player.preview.dataset.count || 0) + 1;
        } catch (error) { S.toast(error.message); break; }
      } while (this.again);
      this.fetching = false;
    }

    async probe(x, y, time) {
      if (!this.result) return;
      try {
        const query = new URLSearchParams({ x: x.toFixed(4), y: y.toFixed(4), at: time.toFixed(3) });
        const found = await S.ask(`r/${this.result.token}/probe.json?${query}`);
        this.player.mark(x, y, found.similar, found.grid);
        this.timeline.overlay({ ...found.curve, color: "curve-probe" });
        this.reading.textContent = found.words;
      } catch (error) { S.toast(error.message); }
    }
  }

})();
