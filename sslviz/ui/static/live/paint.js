// Colours the small map over the running video, in the browser: a change of style costs the server nothing.

const WIDTH = 256; // of the canvas that the browser then stretches over the picture

/** One axis of a cubic (Catmull-Rom) enlargement: for each output position, four cells and weights. */
export function cubicTaps(cells, size) {
  return Array.from({ length: size }, (_, i) => {
    const at = ((i + 0.5) * cells) / size - 0.5;
    const whole = Math.floor(at);
    const t = at - whole;
    const weights = [
      ((-0.5 * t + 1) * t - 0.5) * t,
      (1.5 * t - 2.5) * t * t + 1,
      ((-1.5 * t + 2) * t + 0.5) * t,
      (0.5 * t - 0.5) * t * t,
    ];
    const indices = [-1, 0, 1, 2].map((d) => Math.min(Math.max(whole + d, 0), cells - 1));
    return { indices, weights };
  });
}

/** Heat that follows the newest map with a half-life, painted with a colour map above a threshold. */
export class HeatPainter {
  constructor(canvas) {
    this.canvas = canvas;
    this.target = null; // {values: Float32Array in [0, 1], rows, columns}
    this.shown = null;
    this.style = null;
    this.drawnAt = 0;
    this.stale = false;
  }

  setStyle(style) {
    this.style = style;
    this.stale = true;
  }

  /** The newest map; bytes, 255 for full colour. */
  push(bytes, rows, columns) {
    if (!this.shown || this.shown.length !== bytes.length || this.target.columns !== columns) {
      this.shown = new Float32Array(bytes.length);
      this.taps = null;
    }
    this.target = { values: Float32Array.from(bytes, (byte) => byte / 255), rows, columns };
    this.stale = true;
  }

  clear() {
    this.target = this.shown = null;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Bring the canvas up to date; true where something was painted. */
  draw(now, aspect) {
    const elapsed = (now - this.drawnAt) / 1000;
    this.drawnAt = now;
    if (!this.target || !this.style) return false;
    const moving = this.follow(elapsed);
    if (!moving && !this.stale) return false;
    this.stale = false;
    this.fit(aspect);
    this.paint(this.enlarge());
    return true;
  }

  follow(elapsed) {
    const { halfLifeMs } = this.style;
    const gain = halfLifeMs > 0 ? 1 - 2 ** ((-1000 * Math.min(elapsed, 1)) / halfLifeMs) : 1;
    let moved = 0;
    for (let i = 0; i < this.shown.length; i++) {
      const gap = this.target.values[i] - this.shown[i];
      this.shown[i] += Math.abs(gap) < 0.002 ? gap : gap * gain;
      moved = Math.max(moved, Math.abs(gap));
    }
    return moved > 0;
  }

  fit(aspect) {
    const height = Math.max(1, Math.round(WIDTH / aspect));
    if (this.canvas.width !== WIDTH || this.canvas.height !== height) {
      this.canvas.width = WIDTH;
      this.canvas.height = height;
      this.taps = null;
    }
    this.taps ??= {
      x: cubicTaps(this.target.columns, WIDTH),
      y: cubicTaps(this.target.rows, height),
    };
  }

  enlarge() {
    const { rows, columns } = this.target;
    const { x, y } = this.taps;
    const wide = new Float32Array(rows * WIDTH);
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < WIDTH; i++) {
        const { indices, weights } = x[i];
        let sum = 0;
        for (let k = 0; k < 4; k++) sum += weights[k] * this.shown[r * columns + indices[k]];
        wide[r * WIDTH + i] = sum;
      }
    const heat = new Float32Array(y.length * WIDTH);
    for (let j = 0; j < y.length; j++) {
      const [a, b, c, d] = y[j].indices.map((row) => row * WIDTH);
      const [wa, wb, wc, wd] = y[j].weights;
      for (let i = 0; i < WIDTH; i++)
        heat[j * WIDTH + i] = wa * wide[a + i] + wb * wide[b + i] + wc * wide[c + i] + wd * wide[d + i];
    }
    return heat;
  }

  paint(heat) {
    const { palette, opacity, threshold, fill, contour, crossHair } = this.style;
    const graphics = this.canvas.getContext("2d");
    const picture = graphics.createImageData(this.canvas.width, this.canvas.height);
    if (fill) fillHeat(picture.data, heat, palette, opacity, threshold);
    if (contour)
      for (const level of [Math.max(threshold, 0.02), (1 + threshold) / 2])
        drawContour(picture.data, heat, this.canvas.width, level);
    graphics.putImageData(picture, 0, 0);
    if (crossHair) drawCrossHair(graphics, heat, Math.max(threshold, 0.05));
  }

  /** Where the shown heat is strongest: {x, y, heat} in fractions of the picture, or null. */
  peak() {
    if (!this.shown) return null;
    let best = 0;
    for (let i = 1; i < this.shown.length; i++) if (this.shown[i] > this.shown[best]) best = i;
    const { rows, columns } = this.target;
    return {
      x: ((best % columns) + 0.5) / columns,
      y: (Math.floor(best / columns) + 0.5) / rows,
      heat: this.shown[best],
    };
  }
}

/** Opacity of heat in [0, 1]: nothing below the threshold, then soon visible (as in rendered files). */
export function opacityOf(heat, opacity, threshold) {
  const above = Math.min(Math.max((heat - threshold) / (1 - threshold), 0), 1);
  const edge = Math.min(above / 0.12, 1);
  return opacity * edge * edge * (3 - 2 * edge) * (0.55 + 0.45 * above);
}

function fillHeat(pixels, heat, palette, opacity, threshold) {
  const alpha = Uint8Array.from({ length: 256 }, (_, i) =>
    Math.round(255 * opacityOf(i / 255, opacity, threshold)),
  );
  for (let i = 0; i < heat.length; i++) {
    const step = Math.round(Math.min(Math.max(heat[i], 0), 1) * 255);
    if (alpha[step] === 0) continue;
    pixels[4 * i] = palette[3 * step];
    pixels[4 * i + 1] = palette[3 * step + 1];
    pixels[4 * i + 2] = palette[3 * step + 2];
    pixels[4 * i + 3] = alpha[step];
  }
}

/** A white line with a dark rim: seen on any picture, without telling colours apart. */
function drawContour(pixels, heat, width, level) {
  const set = (i, value, alpha) => {
    pixels[4 * i] = pixels[4 * i + 1] = pixels[4 * i + 2] = value;
    pixels[4 * i + 3] = alpha;
  };
  for (let i = width; i < heat.length - width; i++) {
    if (heat[i] < level) continue;
    const border = [i - 1, i + 1, i - width, i + width].filter((n) => heat[n] < level);
    if (!border.length) continue;
    set(i, 255, 255);
    for (const n of border) set(n, 0, 160);
  }
}

function drawCrossHair(graphics, heat, least) {
  let best = 0;
  for (let i = 1; i < heat.length; i++) if (heat[i] > heat[best]) best = i;
  if (heat[best] < least) return;
  const { width } = graphics.canvas;
  const [x, y] = [(best % width) + 0.5, Math.floor(best / width) + 0.5];
  for (const [color, line] of [["rgba(0,0,0,0.7)", 3], ["#fff", 1.2]]) {
    graphics.strokeStyle = color;
    graphics.lineWidth = line;
    graphics.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      graphics.moveTo(x + 3 * dx, y + 3 * dy);
      graphics.lineTo(x + 10 * dx, y + 10 * dy);
    }
    graphics.stroke();
  }
}

/** A colour map as 256 x 3 bytes from its base64. */
export function decodePalette(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
