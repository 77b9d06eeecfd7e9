/* A place to drop, paste, choose or record one file; it is sent at once and checked by the server. */
(() => {
  const S = window.sslviz;

  S.send = (file, kind, onProgress) =>
    new Promise((resolve, reject) => {
      const limit = S.limits.max_bytes;
      if (file.size > limit) {
        const values = { name: file.name, size: S.megabytes(file.size), limit: S.megabytes(limit) };
        reject(new Error(S.fill(S.text.too_large, values)));
        return;
      }
      const request = new XMLHttpRequest();
      request.open("POST", S.url(`upload?kind=${kind}`));
      request.setRequestHeader("X-Sslviz-Name", encodeURIComponent(file.name || "recording.webm"));
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
      request.onload = () => {
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch { /* a proxy may answer in HTML */ }
        if (request.status < 300) resolve(answer);
        else reject(new Error(answer.error || S.text.lost));
      };
      request.onerror = () => reject(new Error(S.text.lost));
      request.send(file);
    });
  S.megabytes = (bytes) => `${(bytes / 1048576).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

  S.Drop = class {
    /* options: kind (video, image, sound), accept, title, hint, record, onReady(answer), onFile(file) */
    constructor(host, options) {
      this.options = options;
      this.input = S.el("input", { type: "file", accept: options.accept, class: "sv-file", "aria-label": options.title });
      this.bar = S.el("div", { class: "sv-upload-bar" }, S.el("i"));
      this.note = S.el("p", { class: "sv-drop-note", "aria-live": "polite" }, options.hint);
      const choose = S.el("button", { type: "button", class: "sv-primary", onclick: () => this.input.click() }, options.choose || S.text.choose);
      this.actions = S.el("div", { class: "sv-drop-actions" }, choose);
      if (options.record && navigator.mediaDevices) {
        const record = S.el("button", { type: "button", class: "sv-quiet", onclick: () => S.record(options.record, (file) => this.take(file)) },
          S.icon(options.record === "sound" ? "microphone" : "camera"), S.text[`record_${options.record}`]);
        this.actions.append(record);
      }
      const words = S.el("div", { class: "sv-drop-words" }, S.el("h2", {}, options.title), this.note, this.actions, this.bar);
      this.canvas = options.art ? S.el("canvas", { class: "sv-field", "aria-hidden": "true" }) : null;
      this.zone = S.el("div", { class: `sv-drop ${options.compact ? "sv-compact" : ""}` }, this.canvas, words, this.input);
      host.append(this.zone);
      if (this.canvas) S.heatField(this.canvas);
      this.input.addEventListener("change", () => this.input.files[0] && this.take(this.input.files[0]));
      this.listen(options.target || this.zone);
    }

    listen(target) {
      let depth = 0;
      target.addEventListener("dragenter", (event) => { event.preventDefault(); depth++; this.zone.classList.add("sv-over"); target.classList.add("sv-target"); });
      target.addEventListener("dragover", (event) => event.preventDefault());
      target.addEventListener("dragleave", () => { if (--depth <= 0) this.leave(target); });
      target.addEventListener("drop", (event) => {
        event.preventDefault();
        depth = 0;
        this.leave(target);
        const file = event.dataTransfer.files[0];
        if (file) this.take(file);
      });
      document.addEventListener("paste", (event) => {
        if (!this.zone.offsetParent && !(target.offsetParent && this.options.target)) return;
        const file = event.clipboardData?.files[0];
        if (file && this.options.pastes !== false) this.take(file);
      });
    }

    leave(target) {
      this.zone.classList.remove("sv-over");
      target.classList.remove("sv-target");
    }

    async take(file) {
      if (this.busy) return;
      this.busy = true;
      this.input.value = "";
      this.zone.classList.add("sv-busy");
      this.note.textContent = S.fill(S.text.sending, { name: file.name });
      this.options.onFile?.(file);
      try {
        const answer = await S.send(file, this.options.kind, (part) => (this.bar.firstChild.style.width = `${part * 100}%`));
        this.note.textContent = this.options.hint;
        this.options.onReady(answer, file);
      } catch (error) {
        this.note.textContent = error.message;
        this.zone.classList.add("sv-refused");
        this.options.onRefused?.(error.message);
        setTimeout(() => this.zone.classList.remove("sv-refused"), 6000);
      } finally {
        this.busy = false;
        this.zone.classList.remove("sv-busy");
        this.bar.firstChild.style.width = "0";
      }
    }
  };
})();
