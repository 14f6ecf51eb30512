/** The body map: the drawing, and the list that says the same. */

import type { bodyFr } from "./body.fr";

export const bodyEn: typeof bodyFr = {
  views: {
    front: "Front",
    back: "Back",
    face: "Face",
    scalp: "Scalp",
    hands: "Hands",
    feet: "Feet",
  },
  view: "View of the body",
  pinsOn: (n) => `${n} ${n === 1 ? "lesion" : "lesions"}`,
  drawing: (view) =>
    `Drawing of the body, view: ${view}. Touch the place, or choose it in the list.`,
  touch: "Touch the place on the drawing, or choose it in the list.",
  beside: "Beside the body: touch the skin.",
  point: "Chosen point; arrow keys move it",
  side: "Side",
  sides: { R: "Right", L: "Left", B: "Both" },
  sideOf: { R: "on the right", L: "on the left", B: "on both sides" },
  whichSide: "Say which side.",
  list: "Choose in the list",
  search: "Look for a site",
  searchHint: "forearm, cheek, ongle…",
  found: (n) => `${n} ${n === 1 ? "site" : "sites"}`,
  none: "No site is called that.",
  failed: "The list of sites could not be loaded.",
  regions: {
    skin: "Skin in general",
    head: "Head",
    mouth: "Mouth",
    neck: "Neck",
    trunk: "Trunk",
    genitals: "Genitals",
    "upper-limb": "Upper limb",
    "lower-limb": "Lower limb",
  },
  captions: { R: "R", L: "L", back: "back", palm: "palm", top: "top", sole: "sole" },
};
