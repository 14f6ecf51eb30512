/** The texts of phones, and of what waits on them. */

import type { PhonesMessages } from "./phones.fr";

const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

export const phonesEn: PhonesMessages = {
  link: "Phones",
  title: "Phones",
  intro:
    "A phone takes photographs in its browser: nothing to install, and no picture in its gallery.",
  pair: "Let a phone in",
  pairFor: "Let a phone in for this session",
  scan: "Point the phone’s camera at this code",
  code: "QR code that lets a phone in",
  once: (until) => `It works once, before ${until}. Show it to your own phone alone.`,
  sessionOnly: "The phone will open this session alone.",
  unreachable:
    "This address means this computer alone: no phone reaches it. Open the service by its https:// address, or ask for SANSVERRE_PUBLIC_URL to be set.",
  cancel: "Cancel",
  expired: "This code has expired.",
  again: "New code",
  entered: (name) => `${name} is in.`,
  list: "Phones that are in",
  none: "No phone is in.",
  until: (time) => `Until ${time}`,
  oneSession: "For one session",
  end: "End",
  endOf: (name) => `End the access of ${name}`,
  ended: (name) => `The access of ${name} has ended.`,
  failed: "That could not be done. Try again.",

  here: "This phone",
  hereUntil: (time) => `Let in until ${time}.`,
  endHere: "End on this phone",
  photograph: "Photograph",

  enterTitle: "Let this phone in",
  enterText: (host) =>
    `This phone will take photographs for ${host}, as the person who showed the code.`,
  enter: "Let this phone in",
  entering: "Letting it in…",
  spentTitle: "This code is spent",
  spentText: "A code works once, within five minutes. Show a new one on the computer.",
  phone: "Phone",

  insecure: {
    title: "This address is not private",
    text: "It begins with http://: whatever passes can be read on its way. Browsers therefore give it neither a camera nor keys to protect pictures with, and Sans Verre takes none here.",
    what: "Open the address that begins with https://, or point at the QR code on the computer.",
    who: "Where there is none yet, whoever runs the service sets it up: see “Phones” in the documentation.",
  },

  waiting: {
    title: "Waiting on this device",
    none: "Nothing waits: all has arrived.",
    count: (n) => plural(n, "photo waits", "photos wait"),
    others: (n) =>
      `${plural(n, "photo", "photos")} of another user: only they can open and send them.`,
    closed: "Sign in again, and what waits goes on.",
    taken: (time) => `Photo of ${time}`,
    waiting: "Waiting",
    sending: (percent) => `Sending, ${percent}%`,
    interrupted: "Interrupted, goes on by itself",
    checking: "Being checked",
    failed: "Was not accepted",
    retry: "Try again",
    discard: "Discard",
    discardOf: (time) => `Discard the photo of ${time}`,
    discardSure: "This photo is on this device alone. Erase it?",
    keeping: {
      "may-erase":
        "The browser may erase what waits when it needs room: stay on the network until it has gone.",
      week: "This device erases what waits after seven days without a visit: come back before.",
      full: "There is hardly any room left on this device.",
      kept: "Kept until it is sent.",
      unknown: "This browser does not say whether it keeps what waits.",
    },
    why: {
      "409": "The session takes no more pictures.",
      session: "The sign-in has expired.",
      unreadable: "The photo can no longer be read on this phone.",
      identity: "It is archived already under another patient: see whose it is, and move it.",
      digest: "The photo arrived otherwise than it was sent.",
      other: "The server refused it.",
    },
  },

  version: "There is a newer version.",
  reload: "Reload",
};
