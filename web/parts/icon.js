/** Drawn signs, in the colour of the text around them. All on a grid of 24, one stroke. */

import {html} from "../core/html.js"

const PATHS = {
  add: "M12 5v14M5 12h14",
  archive: "M6 3h12v18H6zM12 3v3M12 8v2M12 12v2M10.5 16.5h3V19h-3z",
  audio: "M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM19 16a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z",
  back: "M15 5l-7 7 7 7",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5h4",
  check: "M5 12.5l4.5 4.5L19 7.5",
  chevron: "M9 5l7 7-7 7",
  clock: "M12 7v5l3.5 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
  close: "M6 6l12 12M18 6L6 18",
  document: "M6 3h8l5 5v13H6zM14 3v5h5M9 13h7M9 16.5h7",
  down: "M6 9l6 6 6-6",
  download: "M12 4v11M7.5 11L12 15.5 16.5 11M5 20h14",
  folder: "M3 7.5A1.5 1.5 0 0 1 4.5 6h5l2 2.5h8A1.5 1.5 0 0 1 21 10v7.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5z",
  grid: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  image: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3L20 17M15.5 9.5h.01",
  info: "M12 11v5.5M12 7.5h.01M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
  keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M17 14h.01M7 14h.01M10 14h4.5",
  link: "M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7l-1.2 1.2M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1.2-1.2",
  list: "M4 6.5h16M4 12h16M4 17.5h16",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M12 5.5h.01M12 12h.01M12 18.5h.01",
  move: "M3 7.5A1.5 1.5 0 0 1 4.5 6h5l2 2.5h8A1.5 1.5 0 0 1 21 10v7.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5zM9 13.5h6M12.5 11l2.5 2.5-2.5 2.5",
  other: "M6 3h8l5 5v13H6zM14 3v5h5",
  pause: "M9 6v12M15 6v12",
  pencil: "M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19zM13.5 7l3.5 3.5",
  people: "M12.5 8.5a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0zM2.5 19.5c.5-3.5 3-5 6.5-5s6 1.5 6.5 5M15.5 5.3a3.5 3.5 0 0 1 0 6.4M18 15c2 .7 3.2 2.2 3.5 4.5",
  play: "M8 5.5v13l11-6.5z",
  pulse: "M3 12.5h4l3-8 4 15 3-7h4",
  restore: "M4.5 12a7.5 7.5 0 1 0 2.5-5.6M4.5 4.5v3.8h3.8",
  retry: "M19.5 12a7.5 7.5 0 1 1-2.5-5.6M19.5 4.5v3.8h-3.8",
  search: "M17.5 11a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0zM16 16l4.5 4.5",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M17 7a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM11 17a2 2 0 1 1-4 0 2 2 0 0 1 4 0z",
  star: "M12 4l2.4 5.1 5.6.7-4.1 3.9 1.1 5.5-5-2.7-5 2.7 1.1-5.5L4 9.8l5.6-.7z",
  text: "M6 3h8l5 5v13H6zM14 3v5h5M9 12.5h6M9 15h6M9 17.5h3",
  trash: "M5 7h14M10 7V4.5h4V7M6.5 7l1 13h9l1-13M10 10.5v6M14 10.5v6",
  upload: "M12 16V5M7.5 9.5L12 5l4.5 4.5M5 20h14",
  video: "M4 6h11v12H4zM15 10.5l5-3v9l-5-3z",
  warning: "M12 4l9.5 16h-19zM12 10v4.5M12 17.2h.01",
}

/** Those that point along the lines of a text turn with them. */
const POINTING = ["back", "chevron"]

/** @typedef {keyof typeof PATHS} IconName */

/**
 * Beside words, or inside of something that has a name.
 * @param {{name: IconName | string, filled?: boolean, size?: number}} of
 */
export const Icon = ({name, filled = false, size = 20}) => html`
  <svg class="icon ${filled ? "filled" : ""} ${name === "more" ? "dots" : ""} ${POINTING.includes(name) ? "pointing" : ""}" viewBox="0 0 24 24" width=${size} height=${size} aria-hidden="true" focusable="false">
    <path d=${PATHS[/** @type {IconName} */ (name)]} />
  </svg>
`
