/* The empty stage: a field of pixels, warm around a point that follows the pointer. */
(() => {
  const S = window.sslviz;
  const STOPS = [[22, 11, 57], [101, 21, 110], [188, 55, 84], [243, 120, 25], [252, 203, 60]];
  const heat = (value) => {
    const place = Math.min(value, 0.999) * (STOPS.length - 1);
    const low = STOPS[Math.floor(place)], high = STOPS[Math.floor(place) + 1], part = place % 1;
    return low.map((channel, i) => Math.round(channel + (high[i] - channel) * part));
  };
  S.heatField = (canvas) => {
    const context = canvas.getContext("2d");
    const aim = { x: 0.5, y: 0.3 }, now = { x: 0.5, y: 0.3 };
    let frame = 0;
    const draw = (time) => {
      const ratio = Math.min(devicePixelRatio || 1, 2), box = canvas.getBoundingClientRect();
      if (!box.width) return;
      if (canvas.width !== Math.round(box.width * ratio)) {
        canvas.width = Math.round(box.width * ratio);
        canvas.height = Math.round(box.height * ratio);
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, box.width, box.height);
      now.x += (aim.x - now.x) * 0.08;
      now.y += (aim.y - now.y) * 0.08;
      const cell = 18, dark = S.dark();
      for (let y = cell / 2; y < box.height; y += cell) {
        for (let x = cell / 2; x < box.width; x += cell) {
          const distance = Math.hypot(x - now.x * box.width, y - now.y * box.height);
          const ring = 0.5 + 0.5 * Math.cos(distance / 24 - time / 650);
          const value = Math.exp(-((distance / 190) ** 2)) * (0.62 + 0.38 * ring);
          const [red, green, blue] = heat(0.18 + 0.8 * value);
          const alpha = value < 0.03 ? (dark ? 0.1 : 0.06) : 0.1 + 0.72 * value;
          const size = 5 + 8 * value;
          context.fillStyle = value < 0.03 ? (dark ? `rgba(255,255,255,${alpha})` : `rgba(40,20,60,${alpha})`) : `rgba(${red},${green},${blue},${alpha})`;
          context.beginPath();
          context.roundRect(x - size / 2, y - size / 2, size, size, 2);
          context.fill();
        }
      }
    };
    let last = 0;
    const loop = (time) => {
      if (!canvas.isConnected) return;
      if (time - last > 45 && canvas.offsetParent && !document.hidden) {
        last = time;
        draw(time);
      }
      frame = requestAnimationFrame(loop);
    };
    canvas.parentElement.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      aim.x = (event.clientX - box.left) / box.width;
      aim.y = (event.clientY - box.top) / box.height;
    });
    if (S.reduced()) {
      requestAnimationFrame(() => draw(0));
      new ResizeObserver(() => draw(0)).observe(canvas);
      document.addEventListener("sslviz-theme", () => draw(0));
    } else frame = requestAnimationFrame(loop);
    return () => cancelAnimationFrame(frame);
  };
})();
