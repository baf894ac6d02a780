// Names on a map, drawn by the browser's own fonts: no font is fetched from anywhere.
const FONTS = 'system-ui, "PingFang SC", "Noto Sans SC", "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif';

/** A picture of this text for `map.addImage`, with a halo. */
export function draw_name(text, colour, halo) {
  const ratio = 2, size = 12.5 * ratio, canvas = document.createElement("canvas"), font = `600 ${size}px ${FONTS}`;
  const measure = canvas.getContext("2d");
  measure.font = font;
  canvas.width = Math.ceil(measure.measureText(text).width) + 6 * ratio;
  canvas.height = Math.ceil(size * 1.4);
  const pen = canvas.getContext("2d");
  Object.assign(pen, { font, textBaseline: "middle", lineJoin: "round", lineWidth: 3.4 * ratio, strokeStyle: halo, fillStyle: colour });
  pen.strokeText(text, 3 * ratio, canvas.height / 2);
  pen.fillText(text, 3 * ratio, canvas.height / 2);
  return [pen.getImageData(0, 0, canvas.width, canvas.height), { pixelRatio: ratio }];
}
