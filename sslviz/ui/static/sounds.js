/* Image + sounds: one picture, up to four sounds; choosing a sound shows its map. */
(() => {
  const S = window.sslviz;
  const MOST = 4;

  S.makers.sounds = (host) => {
    const tab = (S.sounds = new Sounds(host));
    S.listen("sounds", (message) => tab.receive(message));
    return tab;
  };

  class Sounds {
    constructor(host) {
      this.sounds = [];
      this.picture = null;
      this.maps = [];
      this.chosen = 0;
      this.view = S.el("img", { class: "sv-poster", alt: "", hidden: true });
      this.frame = S.el("div", { class: "sv-picture", hidden: true }, this.view);
      this.words = S.el("p", { class: "sv-line", "aria-live": "polite" });
      const again = S.el("button", { type: "button", class: "sv-quiet", onclick: () => this.drop.input.click() }, S.text.other_picture);
      this.bar = S.el("div", { class: "sv-bar", hidden: true }, this.words, again);
      this.dropSlot = S.el("div");
      const left = S.el("div", { class: "sv-sounds-picture" }, this.dropSlot, this.frame, this.bar);
      this.list = S.el("div", { class: "sv-sounds-list", role: "group", "aria-label": S.text.drop_sound });
      this.adder = S.el("div");
      this.grid = S.el("div", { class: "sv-maps", hidden: true });
      host.append(S.el("div", { class: "sv-sounds" }, left, S.el("div", { class: "sv-sounds-list" }, this.list, this.adder)), this.grid);
      this.drop = new S.Drop(this.dropSlot, {
        kind: "image", accept: "image/*", title: S.text.drop_image, hint: S.text.drop_image_hint, record: "image", target: left, art: true,
        onReady: (answer) => this.setPicture(answer), onRefused: (message) => this.picture && S.toast(message),
      });
      this.add = new S.Drop(this.adder, {
        kind: "sound", accept: "", title: S.text.drop_sound, hint: S.text.drop_sound_hint, record: "sound", compact: true, pastes: false,
        onReady: (answer) => this.addSound(answer),
      });
    }

    request() {
      return JSON.stringify({ picture: this.picture?.token || "", sounds: this.sounds.map((sound) => sound.token), track: this.track || "" });
    }

    setPicture(answer) {
      this.picture = answer;
      this.dropSlot.hidden = true;
      this.frame.hidden = this.bar.hidden = this.view.hidden = false;
      this.stale();
      this.words.textContent = answer.line;
      this.go();
    }

    addSound(answer) {
      this.sounds.push({ ...answer, player: new Audio(S.url(answer.source)) });
      this.stale();
      this.chosen = this.sounds.length - 1;
      this.go();
    }

    remove(index) {
      this.sounds[index].player.pause();
      this.sounds.splice(index, 1);
      this.chosen = 0;
      this.stale();
      if (this.sounds.length) this.go();
    }

    stale() {
      this.maps = [];
      this.track = null;
      this.grid.hidden = true;
      if (this.picture) this.view.src = S.url(this.picture.poster);
      this.draw();
    }

    /* With a picture and a sound there is nothing left to ask. */
    go() { if (this.picture && this.sounds.length) S.press("image-run"); }

    receive(message) {
      if (message.state === "busy") { this.words.textContent = S.text.listening; return; }
      if (message.state === "error") { this.words.textContent = this.picture?.line || ""; S.toast(message.message); return; }
      this.maps = message.maps;
      this.track = message.track;
      for (const note of message.notes) S.toast(note);
      this.chosen = Math.min(this.chosen, this.maps.length - 1);
      this.grid.hidden = this.maps.length < 2;
      this.grid.replaceChildren(...this.maps.map((map) => S.el("figure", {}, S.el("img", { src: map.picture, alt: `${map.name}: ${map.words}` }), S.el("figcaption", {}, map.name))));
      this.draw();
    }

    choose(index, listen) {
      this.chosen = index;
      for (const sound of this.sounds) sound.player.pause();
      if (listen && this.sounds[index]) { this.sounds[index].player.currentTime = 0; this.sounds[index].player.play().catch(() => S.toast(S.text.cannot_play)); }
      this.draw();
    }

    draw() {
      const entries = this.maps.length ? this.maps : this.sounds;
      this.list.replaceChildren(...entries.map((_, index) => this.row(index)));
      this.adder.hidden = this.sounds.length >= MOST;
      const map = this.maps[this.chosen];
      if (!map) return;
      this.view.src = map.picture;
      this.view.alt = this.words.textContent = `${map.name}: ${map.words}`;
    }

    row(index) {
      const sound = this.sounds[index], map = this.maps[index], name = map?.name || sound.name;
      const about = map ? `${map.words} · ${S.text.confidence} ${map.confidence.toFixed(2)}` : sound.line;
      const play = sound ? S.button("play", `${S.text.listen}: ${name}`, () => this.choose(index, true)) : S.el("span");
      const away = sound ? S.button("close", `${S.text.remove}: ${name}`, () => this.remove(index)) : S.el("span");
      const gauge = S.el("span", { class: "sv-gauge" }, S.el("i", { style: `width:${(map?.confidence || 0) * 100}%` }));
      const pick = S.el("button", { type: "button", class: "sv-sound-pick", "aria-pressed": String(index === this.chosen), onclick: () => this.choose(index, false) }, S.el("b", {}, name), S.el("small", {}, about));
      const row = S.el("div", { class: "sv-sound" }, play, pick, away, map ? gauge : null);
      return row;
    }
  }
})();
