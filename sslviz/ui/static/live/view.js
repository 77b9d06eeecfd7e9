// What the visitor sees: the stage with the picture, the buttons, the readings and the settings.

const ICONS = {
  start: '<path d="M8 5.5v13l11-6.5z"/>',
  stop: '<rect x="6.5" y="6.5" width="11" height="11" rx="1.5"/>',
  pause: '<rect x="6.5" y="5.5" width="4" height="13" rx="1"/><rect x="13.5" y="5.5" width="4" height="13" rx="1"/>',
  snapshot:
    '<path fill-rule="evenodd" d="M9.2 5 8 7H5.5A1.5 1.5 0 0 0 4 8.500v9A1.500 1.500 0 0 0 5.500 19h13a1.500 1.500 0 0 0 1.500-1.500v-9A1.500 1.500 0 0 0 18.500 7H16l-1.200-2zM12 9.200a3.800 3.800 0 1 1 0 7.600 3.800 3.800 0 0 1 0-7.600z"/>',
  record: '<circle cx="12" cy="12" r="6"/>',
  mirror:
    '<path d="M11.200 4h1.600v16h-1.600zM9.500 7v10H3.500zM14.500 7v10h6z"/>',
  flip: '<path d="M12 5a7 7 0 0 1 6.700 5h2.300l-3.300 4-3.300-4h2.200A5 5 0 0 0 7.800 9.300L6.300 8A7 7 0 0 1 12 5zm0 14a7 7 0 0 1-6.700-5H3l3.300-4 3.300 4H7.400a5 5 0 0 0 8.800.7l1.500 1.300A7 7 0 0 1 12 19z"/>',
};

const icon = (name) => `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg>`;
const button = (name, label, title) =>
  `<button type="button" class="sl-button" data-do="${name}" title="${title}">${icon(name)}<span>${label}</span></button>`;
const slider = (name, label, min, max, step, unit) => `
  <div class="sl-slider"><label for="sl-${name}">${label}</label>
    <output for="sl-${name}" data-of="${name}" data-unit="${unit}"></output>
    <input type="range" id="sl-${name}" name="${name}" min="${min}" max="${max}" step="${step}"></div>`;
const check = (name, label) =>
  `<label class="sl-check"><input type="checkbox" name="${name}"><span>${label}</span></label>`;
const reading = (name, label, title) => `
  <div class="sl-reading" title="${title}"><dt>${label}</dt><dd data-read="${name}">&ndash;</dd></div>`;

const STAGE = `
  <div class="sl-stage" tabindex="0" role="group"
       aria-label="Live picture. Space pauses, S takes a snapshot, R records, M mirrors.">
    <div class="sl-picture">
      <video muted playsinline aria-label="Your camera"></video>
      <canvas class="sl-heat" width="256" height="144" aria-hidden="true"></canvas>
    </div>
    <div class="sl-welcome">
      <h3>See what makes the sound</h3>
      <p>Point the camera at a ringing phone, a barking dog, a friend who speaks: the spot lights up.</p>
      <button type="button" class="sl-start" data-do="start">${icon("start")}<span>Start</span></button>
      <p class="sl-small">Asks once for camera and microphone. Pictures and sound go to this app's server,
        stay in its memory for some seconds and are kept only when you press Record.</p>
    </div>
    <p class="sl-chip" hidden></p>
    <p class="sl-untrained" hidden>Untrained weights: this is not a result</p>
    <div class="sl-legend" hidden><span data-legend="name"></span><canvas width="256" height="1"></canvas>
      <span class="sl-ends"><span data-legend="low"></span><span data-legend="high"></span></span></div>
    <div class="sl-notice" hidden><p></p><button type="button" class="sl-button" hidden></button></div>
  </div>`;

const SOUND = `
  <div class="sl-sound">
    <div class="sl-meter" role="meter" aria-label="Microphone level" aria-valuemin="-90" aria-valuemax="0"
         aria-valuenow="-90"><i></i><b></b><u title="Quieter than this counts as silent"></u></div>
    <div class="sl-spectrogram"><canvas width="400" height="96" role="img"
        aria-label="Spectrogram of the last ten seconds"></canvas>
      <span class="sl-axis" data-axis="high"></span><span class="sl-axis" data-axis="low">60 Hz</span>
      <span class="sl-excerpt" hidden><span></span></span></div>
  </div>
  <dl class="sl-readings">
    <div class="sl-reading sl-wide" title="How well picture and sound agree; the mark is the checkpoint's gate">
      <dt>Confidence</dt><dd><span class="sl-bar"><i></i><u></u></span><span data-read="confidence">&ndash;</span></dd></div>
    ${reading("rate", "Maps per second", "How often the method looks and listens")}
    ${reading("latency", "Latency", "From the camera's picture to its map on the screen, median of the last ten")}
    ${reading("camera", "Camera", "Pictures per second on the screen")}
  </dl>`;

const SIDE = `
  <fieldset><legend>Method</legend>
    <label class="sl-field"><span class="sl-hidden">Method</span><select name="checkpoint"></select></label>
    <p class="sl-small" data-text="method"></p></fieldset>
  <fieldset><legend>Devices</legend>
    <label class="sl-field"><span>Camera</span><select name="camera"><option>after Start</option></select></label>
    <label class="sl-field"><span>Microphone</span><select name="microphone"><option>after Start</option></select></label>
    <p class="sl-small">Echo cancellation, noise suppression and gain control are off: they would remove the
      very sounds you look for.</p></fieldset>
  <fieldset><legend>Look</legend>
    <div class="sl-palettes" role="radiogroup" aria-label="Colour map"></div>
    ${slider("opacity", "Opacity", 0, 1, 0.05, "")}
    ${slider("threshold", "Threshold", 0, 0.95, 0.05, "")}
    ${slider("halfLifeMs", "Persistence", 0, 1500, 50, "ms")}
    <div class="sl-checks">${check("fill", "Heat")}${check("contour", "Contour")}${check("crossHair", "Cross-hair")}</div>
  </fieldset>
  <fieldset><legend>Record</legend>
    <label class="sl-field"><span>Keep the last</span><select name="seconds"></select></label>
    <div class="sl-recorded" aria-live="polite"></div></fieldset>`;

const PAGE = `
  <section class="sslive" data-state="idle" aria-label="Live camera and microphone"><div class="sl-grid">
    <div class="sl-main">${STAGE}
      <div class="sl-toolbar" role="toolbar" aria-label="Live controls">
        ${button("stop", "Stop", "Release camera and microphone")}
        ${button("pause", "Pause", "Freeze the picture (Space)")}
        ${button("snapshot", "Snapshot", "Save this picture with its map (S)")}
        ${button("record", "Record", "Save the last seconds as video and score maps (R)")}
        <span class="sl-gap"></span>
        ${button("mirror", "Mirror", "Show the picture as in a mirror (M)")}
        ${button("flip", "Flip camera", "Change between front and rear camera")}
      </div>${SOUND}
    </div>
    <aside class="sl-side" aria-label="Settings">${SIDE}</aside></div>
    <p class="sl-hidden" role="status" aria-live="polite"></p>
  </section>`;

/** The page's elements by name, and the ways to change them. */
export class View {
  constructor(element) {
    element.innerHTML = PAGE;
    this.root = element.querySelector(".sslive");
    const find = (selector) => this.root.querySelector(selector);
    this.stage = find(".sl-stage");
    this.video = find("video");
    this.heat = find(".sl-heat");
    this.meter = find(".sl-meter");
    this.spectrogram = find(".sl-spectrogram canvas");
    this.spoken = find("[role=status]");
    this.chipElement = find(".sl-chip");
    this.noticeElement = find(".sl-notice");
    this.recorded = find(".sl-recorded");
  }

  /** Run `handler(name)` for each press of a button that does something. */
  onButton(handler) {
    this.root.addEventListener("click", (event) => {
      const name = event.target.closest("[data-do]")?.dataset.do;
      if (name) handler(name);
    });
  }

  input(name) {
    return this.root.querySelector(`[name="${name}"]`);
  }

  state(name) {
    this.root.dataset.state = name;
    const live = name === "running" || name === "paused";
    for (const action of ["pause", "snapshot", "record"]) this.button(action).disabled = !live;
    this.button("stop").disabled = name === "idle";
    this.button("mirror").disabled = this.button("flip").disabled = name === "idle";
    this.label("pause", name === "paused" ? "Resume" : "Pause", name === "paused" ? "start" : "pause");
  }

  button(name) {
    return this.root.querySelector(`[data-do="${name}"]`);
  }

  label(name, text, iconName) {
    const element = this.button(name);
    if (element.querySelector("span").textContent !== text)
      element.innerHTML = `${icon(iconName)}<span>${text}</span>`;
  }

  read(name, text) {
    const element = this.root.querySelector(`[data-read="${name}"]`);
    if (element.textContent !== text) element.textContent = text;
  }

  confidence(value, gate) {
    const bar = this.root.querySelector(".sl-bar");
    bar.style.setProperty("--value", `${(value * 100).toFixed(1)}%`);
    bar.style.setProperty("--gate", `${(gate * 100).toFixed(1)}%`);
    bar.classList.toggle("sl-below", value < gate);
    this.read("confidence", value.toFixed(2));
  }

  chip(text) {
    this.chipElement.hidden = !text;
    if (text && this.chipElement.textContent !== text) this.chipElement.textContent = text;
  }

  /** A sentence over the picture, with at most one thing to do about it; empty text removes it. */
  notice(text, action = null) {
    this.noticeText = text;
    this.noticeElement.hidden = !text;
    this.noticeElement.querySelector("p").textContent = text;
    const offer = this.noticeElement.querySelector("button");
    offer.hidden = !action;
    offer.textContent = action?.label ?? "";
    offer.onclick = action?.run ?? null;
    if (text) this.say(text);
  }

  /** For those who listen to the page; each text once. */
  say(text) {
    if (this.spoken.textContent !== text) this.spoken.textContent = text;
  }

  choices(name, entries, chosen) {
    const select = this.input(name);
    select.replaceChildren(
      ...entries.map(({ value, label, disabled }) => {
        const option = new Option(label, value, false, value === chosen);
        option.disabled = Boolean(disabled);
        return option;
      }),
    );
  }

  palettes(palettes, chosen) {
    const group = this.root.querySelector(".sl-palettes");
    for (const [name, colors] of Object.entries(palettes)) {
      const label = document.createElement("label");
      label.innerHTML = `<input type="radio" name="palette" value="${name}"><canvas width="64" height="1"></canvas><span>${name}</span>`;
      label.querySelector("input").checked = name === chosen;
      paintBar(label.querySelector("canvas"), colors);
      group.append(label);
    }
  }

  legend(scale, palette) {
    this.root.querySelector(".sl-legend").hidden = !scale;
    if (!scale) return;
    for (const key of ["low", "high", "name"])
      this.root.querySelector(`[data-legend="${key}"]`).textContent = scale[key];
    paintBar(this.root.querySelector(".sl-legend canvas"), palette);
  }

  untrained(shown) {
    this.root.querySelector(".sl-untrained").hidden = !shown;
  }

  /** Say on the spectrogram what the method hears, and up to which frequency. */
  excerpt(seconds, shownSeconds, nyquist) {
    const mark = this.root.querySelector(".sl-excerpt");
    mark.hidden = false;
    mark.style.width = `${Math.min(100, (100 * seconds) / shownSeconds)}%`;
    mark.firstChild.textContent = `heard at once: ${seconds} s`;
    this.root.querySelector('[data-axis="high"]').textContent = `${Math.round(nyquist / 1000)} kHz`;
  }

  mirror(on) {
    this.root.classList.toggle("sl-mirrored", on);
    this.button("mirror").setAttribute("aria-pressed", on);
  }

  offerDownloads(files, seconds) {
    const links = files.map(({ url, label, name }) => {
      const link = document.createElement("a");
      Object.assign(link, { href: url, textContent: label });
      if (name) link.download = name;
      else link.target = "_blank";
      return link;
    });
    const title = document.createElement("p");
    title.textContent = `The last ${seconds.toFixed(1)} s:`;
    this.recorded.replaceChildren(title, ...links);
  }

  recordText(text) {
    this.recorded.textContent = text;
  }
}

function paintBar(canvas, colors) {
  const graphics = canvas.getContext("2d");
  const line = graphics.createImageData(canvas.width, 1);
  for (let x = 0; x < canvas.width; x++) {
    const at = Math.round((x / (canvas.width - 1)) * 255) * 3;
    line.data.set([colors[at], colors[at + 1], colors[at + 2], 255], 4 * x);
  }
  graphics.putImageData(line, 0, 0);
}
