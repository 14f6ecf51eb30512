/** The camera of the phone or computer: opened, looked through, and asked for a picture. */

/** Why there is no camera. */
export type Trouble = "denied" | "absent" | "busy";

/** What the DOM's types leave out. */
interface Photographing {
  takePhoto(): Promise<Blob>;
}
type PhotographingMaker = new (track: MediaStreamTrack) => Photographing;
interface Torchlike extends MediaTrackCapabilities {
  torch?: boolean;
}

const WANTED = { width: { ideal: 4096 }, height: { ideal: 3072 } };
/** Of a frame of the stream, where the camera takes no photographs of its own. */
const QUALITY = 0.95;

export function isThere(): boolean {
  return navigator.mediaDevices !== undefined;
}

export function troubleOf(error: unknown): Trouble {
  if (!(error instanceof DOMException)) return "absent";
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return "denied";
  if (error.name === "NotReadableError" || error.name === "AbortError") return "busy";
  return "absent";
}

/** A camera that is open: the one that looks away from whoever holds it, or the lens asked for. */
export class Camera {
  private readonly stream: MediaStream;
  private readonly track: MediaStreamTrack;
  private readonly video: HTMLVideoElement;

  private constructor(stream: MediaStream, track: MediaStreamTrack, video: HTMLVideoElement) {
    this.stream = stream;
    this.track = track;
    this.video = video;
  }

  /** Throws what `troubleOf` understands. */
  static async open(video: HTMLVideoElement, lens: string | null): Promise<Camera> {
    const facing = lens ? { deviceId: { exact: lens } } : { facingMode: { ideal: "environment" } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...WANTED, ...facing } });
    const [track] = stream.getVideoTracks();
    if (!track) throw new DOMException("no track", "NotFoundError");
    video.srcObject = stream;
    await video.play();
    return new Camera(stream, track, video);
  }

  get lens(): string | null {
    return this.track.getSettings().deviceId ?? null;
  }

  /** The lenses to choose from, which have names once a camera was allowed. */
  async lenses(): Promise<MediaDeviceInfo[]> {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId !== "");
  }

  get hasTorch(): boolean {
    return (this.track.getCapabilities?.() as Torchlike | undefined)?.torch === true;
  }

  async light(on: boolean): Promise<void> {
    await this.track.applyConstraints({ advanced: [{ torch: on } as MediaTrackConstraintSet] });
  }

  /** A photograph by the camera itself where it takes any, else the stream's present frame. */
  async take(): Promise<Blob> {
    const maker = (globalThis as { ImageCapture?: PhotographingMaker }).ImageCapture;
    if (maker) {
      try {
        return await new maker(this.track).takePhoto();
      } catch {
        // Some cameras offer photographs and take none; their frames are there all the same.
      }
    }
    return this.frame();
  }

  close(): void {
    for (const track of this.stream.getTracks()) track.stop();
    this.video.srcObject = null;
  }

  private async frame(): Promise<Blob> {
    const canvas = document.createElement("canvas");
    canvas.width = this.video.videoWidth;
    canvas.height = this.video.videoHeight;
    canvas.getContext("2d")?.drawImage(this.video, 0, 0);
    return new Promise((resolve, reject) => {
      const given = (blob: Blob | null) =>
        blob ? resolve(blob) : reject(new DOMException("no frame", "NotReadableError"));
      canvas.toBlob(given, "image/jpeg", QUALITY);
    });
  }
}
