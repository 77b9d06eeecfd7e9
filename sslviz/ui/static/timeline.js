/* Sound and score over time, drawn on one canvas: click or drag seeks, hovering reads values. */
(() => {
  const S = window.sslviz;
  const RULER = 18, WAVE = 46, MEL = 58, CURVE = 72, GAP = 6, SIDE = 10;
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const MARKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

  S.Timeline = class {
    constructor(host, { onSeek, onTrim }) {
      Object.assign(this, { onSeek, onTrim, data: null, time: 0, trim: null });
      this.back = S.el("canvas", { "aria-hidden": "true" });
      this.front = S.el("canvas", { role: "slider", tabindex: "0", "aria-label": S.text.timeline, "aria-valuemin": "0", class: "sv-front" });
      this.tip = S.el("div", { class: "sv-tip", hidden: true });
      this.legend = S.el("div", { class: "sv-legend" });
      this.box = S.el("div", { class: "sv-timeline" }, this.back, this.front, this.tip);
      host.append(this.box, this.legend);
      this.front.addEventListener("pointerdown", (event) => this.press(event));
      this.front.addEventListener("pointermove", (event) => this.hover(event));
      this.front.addEventListener("pointerleave", () => { this.tip.hidden = true; this.cursor = null; this.draw(); });
      this.front.addEventListener("keydown", (event) => this.key(event));
      new ResizeObserver(() => this.paint()).observe(this.box);
      document.addEventListener("sslviz-theme", () => setTimeout(() => this.paint(), 30));
    }

    /* data: {duration, low, high, spectrogram, curves, level, spans, analysed, window_seconds} */
    show(data, { trim = false } = {}) {
      this.data = data;
      this.trim = trim ? [0, data.duration] : null;
      this.extra = null;
      const tall = (data.low ? WAVE + GAP : 0) + (data.spectrogram ? MEL + GAP : 0) + (data.curves?.length ? CURVE + GAP : 0);
      this.height = RULER + Math.max(tall, 40);
      this.box.style.height = `${this.height}px`;
      this.front.setAttribute("aria-valuemax", data.duration.toFixed(2));
      this.mels = data.spectrogram && bytes(data.spectrogram.data);
      this.paint();
      this.legends();
      this.at(0);
    }

    legends() {
      const entry = (mark, words) => S.el("span", {}, S.el("i", { class: `sv-mark sv-mark-${mark}` }), words);
      const curves = [...(this.data.curves || []), ...(this.extra ? [this.extra] : [])];
      this.legend.replaceChildren(
        ...curves.map((curve) => {
          const node = entry("curve", curve.unit ? `${curve.name} (${curve.unit})` : curve.name);
          node.firstChild.style.background = S.color(curve.color || "curve-0");
          return node;
        }),
        ...(this.data.spans ? [entry("silent", S.text.span_silent), entry("unsure", S.text.span_unsure)] : []),
      );
    }

    overlay(curve) { this.extra = curve; this.legends(); this.paint(); }

    x(time) { return SIDE + (time / this.data.duration) * (this.width - 2 * SIDE); }
    timeAt(x) { return Math.min(Math.max(((x - SIDE) / (this.width - 2 * SIDE)) * this.data.duration, 0), this.data.duration); }

    paint() {
      if (!this.data || !this.box.clientWidth) return;
      this.width = this.box.clientWidth;
      const ratio = devicePixelRatio || 1;
      for (const canvas of [this.back, this.front]) {
        canvas.width = this.width * ratio;
        canvas.height = this.height * ratio;
        canvas.style.height = `${this.height}px`;
        canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
      }
      const g = this.back.getContext("2d");
      g.clearRect(0, 0, this.width, this.height);
      this.ruler(g);
      let top = RULER;
      if (this.data.low) { this.wave(g, top); top += WAVE + GAP; }
      if (this.mels) { this.spectrum(g, top); top += MEL + GAP; }
      if (this.data.curves?.length) { this.curveTop = top; this.plot(g, top); }
      this.shade(g);
      this.draw();
    }

    ruler(g) {
      const step = MARKS.find((mark) => (mark / this.data.duration) * this.width > 64) || 7200;
      g.font = "500 11px 'Instrument Sans', sans-serif";
      g.fillStyle = S.color("soft");
      g.strokeStyle = S.color("line");
      g.lineWidth = 1;
      for (let time = 0; time <= this.data.duration + 1e-6; time += step) {
        const x = Math.round(this.x(time)) + 0.5;
        g.beginPath(); g.moveTo(x, RULER - 4); g.lineTo(x, this.height); g.stroke();
        const words = S.clock(time, step < 1 ? 1 : 0);
        if (x + 30 < this.width) g.fillText(words, x + 3, 11);
      }
    }

    wave(g, top) {
      const { low, high } = this.data, middle = top + WAVE / 2, span = this.width - 2 * SIDE;
      g.fillStyle = S.color("wave");
      for (let x = 0; x < span; x++) {
        const first = Math.floor((x / span) * low.length), last = Math.max(first + 1, Math.floor(((x + 1) / span) * low.length));
        let bottom = 0, peak = 0;
        for (let i = first; i < last && i < low.length; i++) { bottom = Math.min(bottom, low[i]); peak = Math.max(peak, high[i]); }
        const up = (peak / 127) * (WAVE / 2 - 1), down = (-bottom / 127) * (WAVE / 2 - 1);
        g.fillRect(SIDE + x, middle - Math.max(up, 0.5), 1, Math.max(up + down, 1));
      }
    }

    spectrum(g, top) {
      const { rows, columns } = this.data.spectrogram;
      const picture = new ImageData(columns, rows), tint = S.color("mel").split(",").map(Number);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const place = ((rows - 1 - row) * columns + column) * 4;
          picture.data[place] = tint[0]; picture.data[place + 1] = tint[1]; picture.data[place + 2] = tint[2];
          picture.data[place + 3] = this.mels[row * columns + column];
        }
      }
      const small = S.el("canvas", { width: columns, height: rows });
      small.getContext("2d").putImageData(picture, 0, 0);
      g.imageSmoothingEnabled = true;
      g.drawImage(small, SIDE, top, this.width - 2 * SIDE, MEL);
    }

    scale(curve) {
      const values = curve.values, low = curve.low ?? Math.min(...values), high = curve.high ?? Math.max(...values);
      return { low, span: Math.max(high - low, 1e-9) };
    }

    plot(g, top) {
      g.strokeStyle = S.color("line");
      g.strokeRect(SIDE + 0.5, top + 0.5, this.width - 2 * SIDE - 1, CURVE - 1);
      for (const curve of [...this.data.curves, ...(this.extra ? [this.extra] : [])]) {
        const { low, span } = this.scale(curve);
        const y = (value) => top + CURVE - 3 - ((Math.min(Math.max(value, low), low + span) - low) / span) * (CURVE - 6);
        const color = S.color(curve.color || "curve-0");
        g.strokeStyle = color;
        g.lineWidth = 2; g.lineJoin = "round";
        g.setLineDash(curve.dashed ? [5, 4] : []);
        g.beginPath();
        curve.times.forEach((time, i) => (i ? g.lineTo(this.x(time), y(curve.values[i])) : g.moveTo(this.x(time), y(curve.values[i]))));
        g.stroke();
        if (curve.times.length === 1) g.fillRect(this.x(curve.times[0]) - 2, y(curve.values[0]) - 2, 4, 4);
        if (curve.fill && curve.times.length > 1) {
          g.lineTo(this.x(curve.times.at(-1)), top + CURVE); g.lineTo(this.x(curve.times[0]), top + CURVE); g.closePath();
          g.globalAlpha = 0.14; g.fillStyle = color; g.fill(); g.globalAlpha = 1;
        }
        g.setLineDash([]); g.lineWidth = 1;
      }
    }

    shade(g) {
      const tall = this.height - RULER;
      for (const [kind, start, end] of this.data.spans || []) {
        const left = this.x(start), wide = this.x(end) - left;
        g.fillStyle = S.color(kind);
        g.fillRect(left, RULER, wide, tall);
        if (kind !== "silent") continue;
        g.save(); g.beginPath(); g.rect(left, RULER, wide, tall); g.clip();
        g.strokeStyle = S.color("hatch");
        for (let x = left - tall; x < left + wide; x += 7) { g.beginPath(); g.moveTo(x, this.height); g.lineTo(x + tall, RULER); g.stroke(); }
        g.restore();
      }
      const [from, to] = this.data.analysed || [0, this.data.duration];
      g.fillStyle = S.color("veil");
      if (from > 0.05) g.fillRect(SIDE, RULER, this.x(from) - SIDE, tall);
      if (to < this.data.duration - 0.05) g.fillRect(this.x(to), RULER, this.width - SIDE - this.x(to), tall);
    }

    draw() {
      if (!this.data || !this.width) return;
      const g = this.front.getContext("2d");
      g.clearRect(0, 0, this.width, this.height);
      if (this.trim) this.handles(g);
      if (this.cursor != null) {
        const half = (this.data.window_seconds || 0) / 2;
        g.fillStyle = S.color("excerpt");
        if (half) g.fillRect(this.x(Math.max(0, this.cursor - half)), RULER, this.x(Math.min(this.data.duration, this.cursor + half)) - this.x(Math.max(0, this.cursor - half)), this.height - RULER);
        g.fillStyle = S.color("soft");
        g.fillRect(this.x(this.cursor), RULER, 1, this.height - RULER);
      }
      const x = this.x(this.time);
      g.fillStyle = S.color("accent");
      g.fillRect(x - 1, RULER - 6, 2, this.height - RULER + 6);
      g.beginPath(); g.moveTo(x - 6, RULER - 10); g.lineTo(x + 6, RULER - 10); g.lineTo(x, RULER - 2); g.fill();
    }

    handles(g) {
      g.fillStyle = S.color("veil");
      g.fillRect(SIDE, RULER, this.x(this.trim[0]) - SIDE, this.height - RULER);
      g.fillRect(this.x(this.trim[1]), RULER, this.width - SIDE - this.x(this.trim[1]), this.height - RULER);
      g.fillStyle = S.color("ink");
      for (const [i, time] of this.trim.entries()) {
        const x = this.x(time);
        g.beginPath(); g.roundRect(i ? x - 1 : x - 8, RULER + 2, 9, this.height - RULER - 4, 4); g.fill();
      }
    }

    at(time) {
      this.time = time;
      this.front.setAttribute("aria-valuenow", time.toFixed(2));
      this.front.setAttribute("aria-valuetext", this.words(time));
      this.draw();
    }

    value(curve, time) {
      let best = 0;
      curve.times.forEach((at, i) => { if (Math.abs(at - time) < Math.abs(curve.times[best] - time)) best = i; });
      return curve.values[best];
    }

    words(time) {
      const parts = [S.clock(time, 2)];
      for (const curve of [...(this.data?.curves || []), ...(this.extra ? [this.extra] : [])]) if (curve.times.length) parts.push(`${curve.name} ${this.value(curve, time).toFixed(2)}`);
      if (this.data?.level?.times.length) parts.push(`${this.value(this.data.level, time).toFixed(0)} dBFS`);
      const span = (this.data?.spans || []).find(([, start, end]) => time >= start && (time < end || time >= this.data.duration - 0.02));
      if (span) parts.push(S.text[`span_${span[0]}`]);
      return parts.join(" · ");
    }

    press(event) {
      if (!this.data) return;
      const x = event.offsetX;
      this.front.setPointerCapture(event.pointerId);
      const near = this.trim && this.trim.map((time, i) => [Math.abs(this.x(time) + (i ? 4 : -4) - x), i]).sort((a, b) => a[0] - b[0])[0];
      const handle = near && near[0] < 14 ? near[1] : null;
      const move = (at) => {
        const time = this.timeAt(at);
        if (handle === null) { this.at(time); this.onSeek(time); return; }
        this.setTrim(handle, time);
      };
      const drag = (next) => move(next.offsetX);
      const done = () => { this.front.removeEventListener("pointermove", drag); this.front.removeEventListener("pointerup", done); };
      this.front.addEventListener("pointermove", drag);
      this.front.addEventListener("pointerup", done);
      move(x);
    }

    setTrim(handle, time) {
      const shortest = Math.min(0.5, this.data.duration);
      this.trim[handle] = handle ? Math.max(time, this.trim[0] + shortest) : Math.max(0, Math.min(time, this.trim[1] - shortest));
      this.trim[1] = Math.min(this.trim[1], this.data.duration);
      this.onTrim?.(this.trim);
      this.draw();
    }

    hover(event) {
      if (!this.data) return;
      this.cursor = this.timeAt(event.offsetX);
      this.tip.textContent = this.words(this.cursor);
      this.tip.hidden = false;
      const x = Math.min(Math.max(event.offsetX, this.tip.offsetWidth / 2 + 4), this.width - this.tip.offsetWidth / 2 - 4);
      this.tip.style.left = `${x}px`;
      this.draw();
    }

    key(event) {
      if (!this.data) return;
      const step = { ArrowLeft: -0.2, ArrowRight: 0.2, PageDown: -5, PageUp: 5 }[event.key];
      const target = event.key === "Home" ? 0 : event.key === "End" ? this.data.duration : step ? this.time + step : null;
      if (target === null) return;
      event.preventDefault();
      event.stopPropagation();
      const time = Math.min(Math.max(target, 0), this.data.duration);
      this.at(time);
      this.onSeek(time);
    }
  };
})();
