/** The image on screen: OpenSeadragon behind the few verbs the viewer needs. */

import OpenSeadragon from "openseadragon";
import { authorization, deepzoomOf, type ImageDetail } from "../api";
import { isLinked } from "../link";
import { normalised, type View } from "./deeplink";
import { ExactDrawer } from "./drawer";
import { gridZoom } from "./magnification";
import { addTurning } from "./turning";

const CACHE_BYTES = 256 * 2 ** 20;
const MAX_ZOOM = 8;
const FIT_MARGIN = 0.94;

/** `incomplete`: nothing moves, nothing loads, and tiles that should be there could not be had. */
export type StageState = "loading" | "ready" | "incomplete";

interface Listeners {
  view: () => void;
  rest: () => void;
  state: (state: StageState) => void;
  tileFailed: () => void;
  failed: () => void;
}

/** One image shown in `element`; `on` its changes, and `destroy` it when the page goes. */
export class Stage {
  readonly osd: OpenSeadragon.Viewer;
  readonly ready: Promise<void>;
  private readonly image: ImageDetail;
  /** Tiles that could not be had and have not been asked for again. */
  readonly missing = new Set<OpenSeadragon.Tile>();
  private state: StageState = "loading";
  private readonly listeners: { [K in keyof Listeners]: Listeners[K][] } = {
    view: [],
    rest: [],
    state: [],
    tileFailed: [],
    failed: [],
  };

  constructor(element: HTMLElement, navigatorElement: HTMLElement, image: ImageDetail) {
    this.image = image;
    claimFocusStyle();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.osd = OpenSeadragon({
      element,
      tileSources: deepzoomOf(image),
      loadTilesWithAjax: isLinked(),
      ajaxHeaders: authorization(),
      drawer: ExactDrawer,
      showNavigationControl: false,
      showNavigator: true,
      navigatorElement,
      navigatorRotate: false,
      navigatorDrawer: "canvas",
      navigatorOpacity: 1,
      navigatorBackground: "transparent",
      navigatorDisplayRegionColor: "#3b2fd0",
      navigatorBorderColor: "transparent",
      animationTime: still ? 0 : 0.4,
      springStiffness: 9,
      blendTime: 0,
      preserveImageSizeOnResize: true,
      visibilityRatio: 0.25,
      minZoomImageRatio: 0.2,
      maxZoomPixelRatio: MAX_ZOOM,
      // A level drawn at exactly half its size must give way to the next one, pixel for pixel.
      minPixelRatio: 0.55,
      zoomPerScroll: 1.25,
      imageLoaderLimit: 6,
      maxImageCacheCount: Math.max(64, Math.round(CACHE_BYTES / (4 * image.tile_size ** 2))),
      keyboardNavEnabled: false,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true, pinchRotate: true },
      gestureSettingsPen: { clickToZoom: false, dblClickToZoom: true },
    });
    this.ready = new Promise((resolve) => {
      this.osd.addOnceHandler("open", () => resolve());
    });
    this.osd.addHandler("open-failed", () => this.emit("failed"));
    this.watch();
    addTurning(this.osd);
  }

  on<K extends keyof Listeners>(name: K, listener: Listeners[K]): void {
    this.listeners[name].push(listener);
  }

  private emit<K extends keyof Listeners>(name: K, ...values: Parameters<Listeners[K]>): void {
    for (const listener of this.listeners[name])
      (listener as (...values: Parameters<Listeners[K]>) => void)(...values);
  }

  private watch(): void {
    for (const name of ["pan", "zoom", "rotate", "resize"] as const)
      this.osd.addHandler(name, () => this.setState("loading"));
    this.osd.addHandler("update-viewport", () => {
      this.emit("view");
      this.judge();
    });
    this.osd.addHandler("animation-finish", () => this.settle());
    this.osd.addHandler("fully-loaded-change", () => this.judge());
    for (const viewer of [this.osd, this.osd.navigator])
      viewer.addHandler("tile-load-failed", ({ tile }) => {
        this.missing.add(tile);
        this.emit("tileFailed");
      });
  }

  private judging = 0;

  /** Ready once nothing moves, every visible tile is there, and the frame with them is drawn. */
  private judge(): void {
    cancelAnimationFrame(this.judging);
    this.judging = requestAnimationFrame(() => {
      const loaded = this.item()?.getFullyLoaded() === true;
      const drawn = loaded && !isAnimating(this.osd) && !this.osd.world.needsDraw();
      const settled = this.missing.size > 0 ? "incomplete" : "ready";
      this.setState(drawn ? settled : "loading");
      if (loaded && !drawn) this.judge();
    });
  }

  private setState(state: StageState): void {
    if (state === "loading" && this.state !== "loading") this.judge();
    if (state === this.state) return;
    this.state = state;
    this.emit("state", state);
  }

  private item(): OpenSeadragon.TiledImage | undefined {
    return this.osd.world.getItemCount() > 0 ? this.osd.world.getItemAt(0) : undefined;
  }

  /** Whether nothing moves and nothing more is to come. */
  get settled(): boolean {
    return this.state !== "loading";
  }

  /** Where the view is, or where it is going. */
  view(current = false): View {
    const item = this.item();
    const { viewport } = this.osd;
    if (!item) return { x: 0, y: 0, zoom: 1, rotation: 0 };
    const centre = item.viewportToImageCoordinates(viewport.getCenter(current));
    return {
      x: centre.x,
      y: centre.y,
      zoom: item.viewportToImageZoom(viewport.getZoom(current)),
      rotation: normalised(viewport.getRotation(current)),
    };
  }

  show(view: View, immediately = false): void {
    const item = this.item();
    if (!item) return;
    const { viewport } = this.osd;
    const x = Math.min(Math.max(view.x, 0), this.image.width);
    const y = Math.min(Math.max(view.y, 0), this.image.height);
    viewport.setRotation(nearestTurn(viewport.getRotation(), view.rotation), immediately);
    viewport.zoomTo(item.imageToViewportZoom(view.zoom), undefined, immediately);
    viewport.panTo(item.imageToViewportCoordinates(x, y), immediately);
  }

  /** The zoom at which the whole image, as turned now, fits with a margin. */
  fitZoom(rotation = this.view().rotation): number {
    const angle = (rotation * Math.PI) / 180;
    const [cos, sin] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
    const { width, height } = this.image;
    const { x, y } = this.osd.viewport.getContainerSize();
    const fit = Math.min(x / (width * cos + height * sin), y / (width * sin + height * cos));
    return Math.min(fit * FIT_MARGIN, MAX_ZOOM);
  }

  fit(immediately = false): void {
    const { rotation } = this.view();
    const { width, height } = this.image;
    this.show({ x: width / 2, y: height / 2, zoom: this.fitZoom(rotation), rotation }, immediately);
  }

  zoomTo(zoom: number): void {
    this.show({ ...this.view(), zoom });
  }

  zoomBy(factor: number): void {
    this.osd.viewport.zoomBy(factor).applyConstraints();
  }

  rotateTo(rotation: number, immediately = false): void {
    this.osd.viewport.setRotation(
      nearestTurn(this.osd.viewport.getRotation(), rotation),
      immediately,
    );
  }

  /** By a quarter from where it is, landing upright when a free angle came before. */
  rotateQuarter(direction: 1 | -1): void {
    const quarters = this.osd.viewport.getRotation() / 90;
    const next = direction > 0 ? Math.floor(quarters + 1.001) : Math.ceil(quarters - 1.001);
    this.osd.viewport.setRotation(next * 90);
  }

  /** By CSS pixels of the screen, whatever the rotation. */
  panBy(dx: number, dy: number): void {
    const { viewport } = this.osd;
    viewport.panBy(viewport.deltaPointsFromPixels(new OpenSeadragon.Point(dx, dy)));
    viewport.applyConstraints();
  }

  /** Asks again for the tiles that are missing. */
  retry(): void {
    for (const tile of this.missing) {
      tile.exists = true;
      // Clearing a clip that was never set is the public way to have the tiles looked over again.
      tile.tiledImage?.setClip(null);
    }
    this.missing.clear();
    this.setState("loading");
  }

  /**
   * The same image from its present address: loaded unseen, and shown in the place of the other in
   * one frame, so that nothing moves, blurs or is missing. Resolves once nothing of before is left.
   */
  succeed(image: ImageDetail): Promise<void> {
    return new Promise((resolve, reject) => {
      const before = this.item();
      this.osd.addTiledImage({
        tileSource: deepzoomOf(image),
        opacity: 0,
        preload: true,
        success: (event) => {
          const { item } = event as unknown as { item: OpenSeadragon.TiledImage };
          const settle = () => {
            if (!item.getFullyLoaded()) return;
            item.removeHandler("fully-loaded-change", settle);
            item.setOpacity(1);
            if (before) this.drop(before);
            resolve();
          };
          item.addHandler("fully-loaded-change", settle);
        },
        error: () => reject(new Error("the image cannot be opened anew")),
      });
    });
  }

  private drop(item: OpenSeadragon.TiledImage): void {
    for (const tile of this.missing) if (tile.tiledImage === item) this.missing.delete(tile);
    this.osd.world.removeItem(item);
  }

  private settle(): void {
    this.alignToPixels();
    this.emit("rest");
    this.judge();
  }

  /** Shifts a view drawn at a stored level's own size by less than a pixel, onto the grid. */
  private alignToPixels(): void {
    const item = this.item();
    const { zoom, rotation } = this.view();
    const ratio = devicePixelRatio;
    if (!item || rotation % 90 !== 0 || Math.abs(gridZoom(zoom, ratio) / zoom - 1) > 1e-6) return;
    const { viewport } = this.osd;
    const corner = viewport.pixelFromPoint(item.imageToViewportCoordinates(0, 0), false);
    const off = (value: number) => value - Math.round(value * ratio) / ratio;
    const shift = new OpenSeadragon.Point(off(corner.x), off(corner.y));
    if (Math.abs(shift.x) + Math.abs(shift.y) < 1e-4) return;
    viewport.panBy(viewport.deltaPointsFromPixels(shift), true);
  }

  destroy(): void {
    cancelAnimationFrame(this.judging);
    this.osd.destroy();
  }
}

/** Missing from the library's types, not from the library. */
function isAnimating(viewer: OpenSeadragon.Viewer): boolean {
  return (viewer as OpenSeadragon.Viewer & { isAnimating(): boolean }).isAnimating();
}

/** The turn to `rotation` that goes the short way round. */
function nearestTurn(from: number, rotation: number): number {
  return rotation + 360 * Math.round((from - rotation) / 360);
}

/**
 * OpenSeadragon adds an inline style sheet, which a strict security policy forbids, unless it
 * finds its mark. An element of no namespace carries the mark and styles nothing.
 */
function claimFocusStyle(): void {
  const mark = "data-openseadragon-mobile-css";
  if (document.querySelector(`style[${mark}]`)) return;
  const style = document.createElementNS(null, "style");
  style.setAttribute(mark, "true");
  document.head.append(style);
}
