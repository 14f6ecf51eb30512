/**
 * `<sans-verre-viewer>`: one slide or photograph of a Sans Verre server inside another page.
 *
 *     <script type="module" src="https://slides.example.org/embed/sans-verre-viewer.js"></script>
 *     <sans-verre-viewer link="/view/…#key=…" x="12000" y="8000" zoom="0.5"></sans-verre-viewer>
 *
 * Attributes
 *   link      what `POST /api/images/{image}/links` answered: opens once, and this image alone
 *   image     instead of it, the image's id, for people who are signed in at the server themselves
 *   x, y      the point in the middle, in pixels of the whole image at its full size
 *   zoom      screen pixels (CSS) for one pixel of the image: 1 is full size, 0.5 half of it
 *   rotation  degrees clockwise
 *
 * `x`, `y` and `zoom` are given together; without them the whole image is shown. Changed later, they
 * move the view. `view` is where it stands now, and `viewchange` (with the view as its `detail`) is
 * sent when it has come to rest. The server must name this page's origin in
 * SANSVERRE_FRAME_ANCESTORS.
 */

const HOME = new URL("..", import.meta.url);
const SHOW = "sansverre.show";
const VIEW = "sansverre.view";
const PLACE = ["x", "y", "zoom", "rotation"];

const style = new CSSStyleSheet();
style.replaceSync(
  ":host{display:block;min-height:20rem}iframe{display:block;width:100%;height:100%;min-height:inherit;border:0}",
);

export class SansVerreViewer extends HTMLElement {
  static observedAttributes = ["link", "image", ...PLACE];

  #frame = document.createElement("iframe");
  /** @type {{x: number, y: number, zoom: number, rotation: number} | null} */
  #view = null;
  #opened = "";
  #listening = new AbortController();

  constructor() {
    super();
    const root = this.attachShadow({ mode: "closed" });
    root.adoptedStyleSheets = [style];
    this.#frame.title = "Sans Verre";
    this.#frame.allow = "fullscreen";
    this.#frame.referrerPolicy = "no-referrer";
    root.append(this.#frame);
  }

  /** Where the view stands, once there is one. */
  get view() {
    return this.#view;
  }

  connectedCallback() {
    this.#listening = new AbortController();
    addEventListener("message", (event) => this.#heard(event), { signal: this.#listening.signal });
    this.#open();
  }

  disconnectedCallback() {
    this.#listening.abort();
    this.#opened = "";
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (!this.isConnected) return;
    if (!PLACE.includes(name)) return this.#open();
    const place = this.#place();
    if (place) this.#frame.contentWindow?.postMessage({ type: SHOW, view: place }, HOME.origin);
  }

  /** The place that the attributes name; null unless they say where and how large. */
  #place() {
    const [x, y, zoom, rotation] = PLACE.map((name) =>
      Number(this.getAttribute(name) ?? Number.NaN),
    );
    if (![x, y, zoom].every(Number.isFinite)) return null;
    return { x, y, zoom, rotation: Number.isFinite(rotation) ? rotation : 0 };
  }

  #open() {
    const address = this.#address();
    if (!address || address.href === this.#opened) return;
    this.#opened = address.href;
    const place = this.#place();
    for (const [name, value] of Object.entries(place ?? {}))
      address.searchParams.set(name, String(value));
    this.#frame.src = address.href;
  }

  #address() {
    const link = this.getAttribute("link");
    const image = this.getAttribute("image");
    if (!link) return image ? new URL(`/view/${encodeURIComponent(image)}`, HOME) : null;
    const address = new URL(link, HOME);
    return address.origin === HOME.origin && address.pathname.startsWith("/view/") ? address : null;
  }

  /** @param {MessageEvent} event */
  #heard({ source, origin, data }) {
    if (source !== this.#frame.contentWindow || origin !== HOME.origin || data?.type !== VIEW)
      return;
    this.#view = data.view;
    this.dispatchEvent(new CustomEvent("viewchange", { detail: data.view }));
  }
}

customElements.define("sans-verre-viewer", SansVerreViewer);
