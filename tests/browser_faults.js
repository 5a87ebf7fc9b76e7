// Returns what is wrong with the open page on a screen of `width` px, in words.
// A reader must see each picture and read each text without moving the page
// sideways; only table cells and code may be, where a box around them scrolls.
(width) => {
  const faults = new Set();
  const root = document.documentElement;
  const tidy = (text) => text.trim().replace(/\s+/g, " ").slice(0, 40);
  const name = (element) =>
    [element.localName, ...element.classList].join(".") +
    ` '${tidy(element.textContent)}'`;

  // A box reaches over the edge by parts of a pixel where numbers are rounded.
  const outside = (box) => box.right > width + 0.5 || box.left < -0.5;
  const edge = (box) => Math.round(box.left < -0.5 ? box.left : box.right);

  function scrolls(element) {
    for (let box = element; box !== document.body; box = box.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(box).overflowX)) return true;
    }
    return false;
  }

  // Of colours as [red, green, blue, alpha], 0..255 and 0..1.
  const colour = (css) => {
    const [r, g, b, alpha = 1] = css.match(/^rgba?\((.*)\)$/)[1]
      .split(/[ ,/]+/).map(Number);
    return [r, g, b, alpha];
  };
  const over = ([r, g, b, alpha], under) =>
    [r, g, b].map((part, i) => part * alpha + under[i] * (1 - alpha)).concat(1);

  function background(element) {
    if (!element) return [255, 255, 255, 1];
    const own = colour(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, background(element.parentElement));
  }

  // Relative luminance and contrast ratio of WCAG 2.1.
  function luminance(parts) {
    const [r, g, b] = parts.map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(element) {
    const behind = background(element);
    let [r, g, b, alpha] = colour(getComputedStyle(element).color);
    for (let box = element; box; box = box.parentElement) {
      alpha *= getComputedStyle(box).opacity;
    }
    const both = [luminance(over([r, g, b, alpha], behind)), luminance(behind)];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  }

  // A page without a viewport meta is laid out wider than a small screen.
  if (root.clientWidth !== width) {
    faults.add(`the layout is ${root.clientWidth} px wide`);
  }
  if (root.scrollWidth > width) {
    faults.add(`the page scrolls sideways over ${root.scrollWidth} px`);
  }
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    const parent = element.parentElement;
    if (
      outside(box) && !outside(parent.getBoundingClientRect()) &&
      !scrolls(parent)
    ) {
      faults.add(`outside the page, to ${edge(box)} px: ${name(element)}`);
    }
  }

  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const element = nodes.currentNode.parentElement;
    if (!nodes.currentNode.data.trim() || !element.checkVisibility()) continue;
    const ratio = contrast(element);
    if (!(ratio >= 4.5)) {
      faults.add(`contrast ${ratio.toFixed(2)}: ${name(element)}`);
    }
    const range = document.createRange();
    range.selectNodeContents(nodes.currentNode);
    const box = range.getBoundingClientRect();
    const scrolled = element.closest("th, td, pre") && scrolls(element);
    if (outside(box) && !scrolled) {
      faults.add(`text outside the page, to ${edge(box)} px: ${name(element)}`);
    }
  }

  for (const image of document.images) {
    const alt = image.getAttribute("alt") ?? "";
    if (!alt.trim()) faults.add("an image without an alt text");
    if (!image.complete || !image.naturalWidth) {
      faults.add(`an image that does not load: '${tidy(alt)}'`);
    }
  }

  const heads = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")];
  const levels = heads.map((head) => Number(head.localName[1]));
  const jumps = levels.some((level, i) => level > (levels[i - 1] ?? 0) + 1);
  if (jumps || levels.filter((level) => level === 1).length !== 1) {
    faults.add(`headings of levels ${levels}`);
  }
  if (!root.lang) faults.add("no language");
  if (!document.title) faults.add("no title");
  return [...faults];
}
