/** What is being photographed: anything, a lesion that is followed, or a pose of the total body. */

import { h, icon } from "../dom";
import { messages } from "../i18n";
import { thumbnail } from "../patient";
import { viewedAs } from "./dermoscope";
import type { Live } from "./live";
import type { Lesion, Stated } from "./model";
import { POSES, type Pose, shotOf, statedOf } from "./poses";
import { choice, openSheet } from "./sheet";
import { lesionText } from "./words";

export type Close = "close-up" | "dermoscopy";
export type Target =
  | { what: "free" }
  | { what: "lesion"; lesion: Lesion; view: Close }
  | { what: "pose"; pose: Pose };

export const FREE: Target = { what: "free" };

/** What a picture of it says by itself. */
export function statedBy(target: Target): Partial<Stated> {
  if (target.what === "free") return {};
  if (target.what === "pose") return statedOf(target.pose);
  const { lesion, view } = target;
  return { ...viewedAs(view), site: lesion.site.code, side: lesion.side, lesion: lesion.id };
}

export function targetText(target: Target): { name: string; more: string } {
  const words = messages().capture;
  if (target.what === "free") return { name: words.targetFree, more: words.targetFreeHint };
  if (target.what === "lesion") return { name: lesionText(target.lesion), more: "" };
  const at = POSES.indexOf(target.pose) + 1;
  return { name: words.pose[target.pose.id], more: words.poseOf(at, POSES.length) };
}

export function askTarget(live: Live, now: Target, chosen: (target: Target) => void): void {
  const words = messages().capture;
  const take = (target: Target) => {
    sheet.close();
    chosen(target);
  };
  const [first] = POSES;
  const body = () => {
    if (now.what === "pose") return openPoses();
    const next = POSES.find((pose) => shotOf(live.session, pose) === null) ?? first;
    if (next) take({ what: "pose", pose: next });
  };
  const openPoses = () => {
    sheet.close();
    askPose(live, now, chosen);
  };
  const lesions = live.lesions.map((lesion) => {
    const place = h("span", { class: "choice-picture" });
    void live.before(lesion.id).then(
      (picture) => picture && place.replaceChildren(thumbnail({ ...picture, kind: "photo" })),
      () => undefined, // The name is enough to choose by.
    );
    const isNow = now.what === "lesion" && now.lesion.id === lesion.id;
    const pick = () => take({ what: "lesion", lesion, view: "close-up" });
    return choice([place, h("span", {}, lesionText(lesion))], pick, isNow);
  });
  const sheet = openSheet(words.target, [
    h(
      "ul",
      { class: "choices" },
      choice(
        [icon("photo"), two(words.targetFree, words.targetFreeHint)],
        () => take(FREE),
        now.what === "free",
      ),
      choice(
        [icon("person"), two(words.targetBody, words.targetBodyHint(POSES.length))],
        body,
        now.what === "pose",
      ),
    ),
    h("h3", {}, words.targetLesion),
    lesions.length > 0
      ? h("ul", { class: "choices" }, ...lesions)
      : h("p", { class: "faint" }, words.noLesions),
  ]);
}

export function askPose(live: Live, now: Target, chosen: (target: Target) => void): void {
  const words = messages().capture;
  const poses = POSES.map((pose, at) => {
    const isDone = shotOf(live.session, pose) !== null;
    const isNow = now.what === "pose" && now.pose === pose;
    const pick = () => {
      sheet.close();
      chosen({ what: "pose", pose });
    };
    const name = h("span", {}, `${at + 1}. ${words.pose[pose.id]}`);
    const done = isDone && h("span", { class: "done" }, icon("check"), words.poseDone);
    return choice([name, done], pick, isNow);
  });
  const sheet = openSheet(words.poses, [h("ul", { class: "choices" }, ...poses)]);
}

function two(name: string, more: string): HTMLElement {
  return h("span", { class: "two" }, h("b", {}, name), h("span", { class: "faint" }, more));
}
